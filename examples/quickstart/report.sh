# Counts the words of a corpus and signs the report. Runs inside the container.
set -e
top=$(sed -n 's/.*"top": \([0-9]*\).*/\1/p' config/run.json)
mkdir -p outputs
echo "reading $(ls inputs/corpus | wc -l) texts, keeping the $top most frequent words"
for text in inputs/corpus/*.txt; do
  echo "  $(basename "$text"): $(wc -w < "$text") words"
done
# Said aloud on purpose: a secret never reaches the log.
echo "signing with key $SIGNING_KEY"
{
  echo "The $top most frequent words"
  cat inputs/corpus/*.txt | tr 'A-Z' 'a-z' | tr -cs 'a-z' '\n' | grep -v '^$' | sort | uniq -c | sort -k1,1nr -k2 | head -n "$top"
} > outputs/report.txt
echo "signature: $( (cat outputs/report.txt; echo "$SIGNING_KEY") | sha256sum | cut -c1-16)" >> outputs/report.txt
(echo probe > inputs/corpus/alice.txt) 2> /dev/null || echo "inputs are read-only, as promised"
echo "done"
