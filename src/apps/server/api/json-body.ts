/** A body as JSON: not deeper than anybody needs, and without names that mean something to JavaScript. */

const DEPTH_MAX = 32
const NAMES_REFUSED = /"(?:__proto__|constructor|prototype)"\s*:/

export type JsonBody =
  | { readonly kind: 'read'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly reason: string }

export function readJsonBody(text: string): JsonBody {
  if (depthOf(text) > DEPTH_MAX)
    return { kind: 'refused', reason: `The body is nested deeper than ${DEPTH_MAX} levels.` }
  // An escape could hide a name: what is looked at is what JSON.parse would make of it.
  const plain = text.includes('\\u')
    ? text.replaceAll(/\\u([0-9a-fA-F]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text
  if (NAMES_REFUSED.test(plain)) return { kind: 'refused', reason: 'The body has a field that no request has.' }
  try {
    return { kind: 'read', value: JSON.parse(text) as unknown }
  } catch {
    return { kind: 'refused', reason: 'The body is no JSON.' }
  }
}

/** Brackets that are open at once, at most; those within texts do not count. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let isText = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]
    if (isText) {
      if (character === '\\') i++
      else if (character === '"') isText = false
    } else if (character === '"') isText = true
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth)
    else if (character === '}' || character === ']') depth--
  }
  return deepest
}
