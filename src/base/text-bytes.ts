/** A text put together as UTF-8. What is to be hashed is bytes: as a string it would be joined of hundreds of pieces, and then encoded. */

/** More is not kept for the next text. */
const KEPT_BYTES = 64 * 1024;
/** The most bytes one UTF-16 code unit takes. */
const BYTES_PER_UNIT = 3;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const FIRST_VISIBLE = 0x20;
const LAST_ASCII = 0x7e;

const encoder = new TextEncoder();

/** Such a text, from its beginning. */
export class TextBytes {
  #bytes = new Uint8Array(KEPT_BYTES);
  #length = 0;

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  /** All there is so far, not copied. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Adds one character of ASCII. */
  addByte(byte: number): void {
    this.#makeRoom(1);
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  /** Adds ASCII. */
  add(ascii: string): void {
    this.#makeRoom(ascii.length);
    for (let index = 0; index < ascii.length; index += 1)
      this.#bytes[this.#length + index] = ascii.charCodeAt(index);
    this.#length += ascii.length;
  }

  addBytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * Adds a text as JSON has it.
   *
   * @throws TypeError for a lone surrogate.
   */
  addQuoted(text: string): void {
    this.#makeRoom(text.length + 2);
    const bytes = this.#bytes;
    let end = this.#length;
    bytes[end++] = QUOTE;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit < FIRST_VISIBLE || unit > LAST_ASCII || unit === QUOTE || unit === BACKSLASH) {
        this.#addEscaped(text);
        return;
      }
      bytes[end++] = unit;
    }
    bytes[end++] = QUOTE;
    this.#length = end;
  }

  #addEscaped(text: string): void {
    if (/\p{Cs}/u.test(text)) throw new TypeError('a string with a lone surrogate is not JSON');
    const quoted = JSON.stringify(text);
    this.#makeRoom(quoted.length * BYTES_PER_UNIT);
    this.#length += encoder.encodeInto(quoted, this.#bytes.subarray(this.#length)).written;
  }

  /** Begins anew. Nothing of the text stays: it may have been of a secret. */
  clear(): void {
    this.#bytes.fill(0, 0, this.#length);
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(KEPT_BYTES);
  }

  #makeRoom(more: number): void {
    const wanted = this.#length + more;
    if (wanted <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
