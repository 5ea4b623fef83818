/** Base64 (RFC 4648, with padding) by hand: pure layers know neither `Buffer` nor `btoa`. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = '='.charCodeAt(0)
const VALUE_OF = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) VALUE_OF[ALPHABET.charCodeAt(i)] = i

export function encodeBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const present = Math.min(3, bytes.length - i)
    const word = (bytes[i] << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += ALPHABET[word >>> 18] + ALPHABET[(word >>> 12) & 63]
    text += present > 1 ? ALPHABET[(word >>> 6) & 63] : '='
    text += present > 2 ? ALPHABET[word & 63] : '='
  }
  return text
}

/** The bytes, or undefined where the text is not canonical base64: what is refused here can't be two texts for one value. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let at = 0
  for (let i = 0; i < text.length; i += 4) {
    const isLast = i + 4 === text.length
    let word = 0
    for (let k = 0; k < 4; k++) {
      const isPad = isLast && k >= 4 - padding
      const value = isPad ? 0 : (VALUE_OF[text.charCodeAt(i + k)] ?? -1)
      if (value < 0) return undefined
      word = (word << 6) | value
    }
    if (isLast && padding > 0 && (word & ((1 << (8 * padding)) - 1)) !== 0) return undefined
    for (let k = 2; k >= 0 && at < bytes.length; k--) bytes[at++] = (word >>> (8 * k)) & 255
  }
  return bytes
}

/** Writes the bytes of canonical base64 from `from` up to `to` into `bytes`, from `begin` on. Returns how many there are; -1 where the text is not
 *  canonical or `bytes` is too short. */
export function decodeBase64Into(text: string, { from, to }: TextSpan, bytes: Uint8Array, begin = 0): number {
  const length = to - from
  if (length % 4 !== 0) return -1
  const padding = length === 0 || text.charCodeAt(to - 1) !== PAD ? 0 : text.charCodeAt(to - 2) === PAD ? 2 : 1
  const count = (length / 4) * 3 - padding
  if (begin + count > bytes.length) return -1
  const whole = padding === 0 ? to : to - 4
  let at = begin
  for (let i = from; i < whole; i += 4) {
    const first = text.charCodeAt(i)
    const second = text.charCodeAt(i + 1)
    const third = text.charCodeAt(i + 2)
    const fourth = text.charCodeAt(i + 3)
    if ((first | second | third | fourth) >= VALUE_OF.length) return -1
    const word = (VALUE_OF[first] << 18) | (VALUE_OF[second] << 12) | (VALUE_OF[third] << 6) | VALUE_OF[fourth]
    if (word < 0) return -1
    bytes[at] = word >>> 16
    bytes[at + 1] = word >>> 8
    bytes[at + 2] = word
    at += 3
  }
  if (padding === 0) return count
  const third = padding === 2 ? 0 : valueOf(text.charCodeAt(whole + 2))
  const word = (valueOf(text.charCodeAt(whole)) << 18) | (valueOf(text.charCodeAt(whole + 1)) << 12) | (third << 6)
  // What the last characters say beyond the last byte must be nothing.
  if (word < 0 || (word & ((1 << (8 * padding)) - 1)) !== 0) return -1
  bytes[at] = word >>> 16
  if (padding === 1) bytes[at + 1] = word >>> 8
  return count
}

/** A part of a text. */
export interface TextSpan {
  readonly from: number
  readonly to: number
}

/** Six bits, or -1, which stays negative wherever it is shifted to. */
function valueOf(code: number): number {
  return code < VALUE_OF.length ? VALUE_OF[code] : -1
}
