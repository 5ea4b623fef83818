/** Base64 (RFC 4648, with padding) by hand: pure layers know neither `Buffer` nor `btoa`. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
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
