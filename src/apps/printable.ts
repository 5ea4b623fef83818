/** What could move the cursor, colour the screen, or turn the reading direction: control characters, and Unicode's marks of direction and of line ends. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const HOSTILE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Text for a terminal: names in a hostile file must not move the cursor or colour the screen. Line breaks and tabs stay. */
export function printable(text: string): string {
  return text.replaceAll(HOSTILE, '\ufffd')
}

/** JSON for a program, that may be shown on a terminal all the same: what JSON leaves as it is, and a terminal obeys, is written as an escape. */
export function printableJson(value: unknown): string {
  const text = JSON.stringify(value ?? null, null, 2)
  return text.replaceAll(HOSTILE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
