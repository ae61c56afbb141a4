/** The programs that try limits from inside a container, in what every POSIX shell has built in; only free space takes a program more. Text only; judged elsewhere. */

/** Where the folder with the marker is mounted. */
export const MARKER_FOLDER = '/berthkit-probe';
/** The marker in it. */
export const MARKER_FILE = 'marker';
/** Where the temporary file system is. */
export const TMPFS_FOLDER = '/berthkit-tmpfs';

/** Pieces of 32 KiB that are written to a place of 1 MiB: twice what fits. */
export const PIECES = 64;
/** Processes that are begun where so many may be. */
export const forksFor = (allowed: number): number => allowed + 20;

const PIECE = 'x=0123456789abcdef; while [ ${#x} -lt 32768 ]; do x=$x$x; done';

/** What the kernel says of the shell, and what comes of trying: it dies of nothing it does. */
export const BOUNDS_PROGRAM = `
told=
while read -r key value rest; do
  case $key in NoNewPrivs:) echo "no_new_privileges $value"; told=yes;; CapBnd:) echo "capabilities $value";; esac
done </proc/self/status
if [ -z "$told" ]; then echo 'no_new_privileges missing'; fi
if (: >/.berthkit-probe) 2>/dev/null; then echo 'root written'; else echo 'root refused'; fi
options=unknown
while read -r device target type current rest; do
  if [ "$target" = / ]; then options=$current; fi
done </proc/mounts
echo "root_options $options"
routes=-1
while read -r line; do routes=$((routes+1)); done </proc/net/route
echo "routes $routes"
six=0
if [ -r /proc/net/ipv6_route ]; then
  while read -r a b c d e f g h i device; do
    if [ "$device" != lo ]; then six=$((six+1)); fi
  done </proc/net/ipv6_route
fi
echo "routes6 $six"
# Filesystem 1024-blocks Used Available Capacity Mounted on; a line of values
set -- $(df -Pk / 2>/dev/null)
if [ -n "\${11}" ]; then echo "root_free_kib \${11}"; fi
${PIECE}
(
  n=0
  while [ $n -lt 4 ]; do
    echo "$x" >>/dev/shm/berthkit-ulimit || break
    n=$((n+1))
    echo "ulimits $n"
  done
) 2>/dev/null
fill() {
  n=0
  while [ $n -lt ${String(PIECES)} ]; do
    echo "$x" >"$1/berthkit.$n" || break
    n=$((n+1))
  done 2>/dev/null
  echo "$2 $n"
}
fill /dev/shm shm_size
fill ${TMPFS_FOLDER} tmpfs_size
echo 'done all'
`;

/** Takes 32 MiB and more where there are 24. */
export const MEMORY_PROGRAM = `
for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
  if [ -r "$file" ] && read -r value <"$file"; then echo "limit $value"; fi
done
echo 'began now'
x=0123456789abcdef; while [ \${#x} -lt 33554432 ]; do x=$x$x; done
echo 'survived all'
`;

/** Begins more processes than it may. A shell that is refused one gives up, or goes on without: then the number of the last one stays. */
export const pidsProgram = (allowed: number): string => `
if ! command -v sleep >/dev/null; then echo 'missing sleep'; exit 0; fi
n=0
last=
while [ $n -lt ${String(forksFor(allowed))} ]; do
  sleep 120 &
  if [ "$!" = "$last" ]; then exit 3; fi
  last=$!
  n=$((n+1))
  echo "forked $n"
done 2>/dev/null
`;

/**
 * Computes until the kernel has held it back once, or it had a second of processor time without that. No clock is read, so a busy machine only
 * makes it slower.
 */
export const CPU_PROGRAM = `
file=
for each in /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu,cpuacct/cpu.stat; do
  if [ -r "$each" ]; then file=$each; fi
done
if [ -z "$file" ]; then echo 'missing cpu.stat'; exit 0; fi
while :; do
  i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done
  throttled=0
  while read -r key value; do if [ "$key" = nr_throttled ]; then throttled=$value; fi; done <"$file"
  if [ "$throttled" -gt 0 ]; then echo "throttled $throttled"; exit 0; fi
  read -r line </proc/self/stat
  set -- $line
  if [ $(( \${14} + \${15} )) -gt 100 ]; then echo "free \${14}"; exit 0; fi
done
`;

/** Reads the marker where the folder with it is mounted. */
export const MARKER_PROGRAM = `
if read -r marker <${MARKER_FOLDER}/${MARKER_FILE}; then echo "marker $marker"; fi
`;
