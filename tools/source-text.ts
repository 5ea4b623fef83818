/** A source file as texts of its own length: whatever is of another kind is blank there, line breaks excepted. */
export interface SourceText {
  readonly code: string
  readonly comments: string
  /** Code together with what stands in quotes: for reading the paths of imports. */
  readonly codeAndText: string
}

const CODE = 0
const COMMENT = 1
const TEXT = 2

/** A slash after one of these begins a regular expression; after the end of an expression it divides. */
const BEFORE_REGEXP = /(?:^|[=([{,;:!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|throw|await|yield))\s*$/

/** Tells code, comments and text apart. It knows TypeScript's quotes, templates, comments and regular expressions and nothing else
 *  of its grammar, which is enough to say whether a word is used or only talked about. */
export function splitSource(source: string): SourceText {
  const kinds = new Uint8Array(source.length)
  /** Depth of braces at which each open `${` ends. */
  const substitutions: number[] = []
  let depth = 0
  let at = 0
  while (at < source.length) {
    const char = source[at]
    if (char === '{') depth++
    const resumes = char === '}' && substitutions.at(-1) === depth
    if (resumes) substitutions.pop()
    if (char === '}') depth--
    const piece = resumes || char === '`' ? readTemplate(source, at) : readPiece(source, at)
    if (piece.opensSubstitution === true) substitutions.push(++depth)
    kinds.fill(piece.kind, at, piece.end)
    at = piece.end
  }
  return {
    code: keep(source, kinds, [CODE]),
    comments: keep(source, kinds, [COMMENT]),
    codeAndText: keep(source, kinds, [CODE, TEXT]),
  }
}

interface Piece {
  readonly kind: number
  readonly end: number
  readonly opensSubstitution?: boolean
}

function readPiece(source: string, at: number): Piece {
  const two = source.slice(at, at + 2)
  if (two === '//') return { kind: COMMENT, end: endAfter(source, '\n', at) }
  if (two === '/*') return { kind: COMMENT, end: endAfter(source, '*/', at + 2) }
  if (source[at] === "'" || source[at] === '"') return { kind: TEXT, end: endOfQuoted(source, at, source[at]) }
  if (source[at] === '/' && BEFORE_REGEXP.test(source.slice(Math.max(0, at - 80), at))) {
    return { kind: TEXT, end: endOfRegExp(source, at) }
  }
  return { kind: CODE, end: at + 1 }
}

/** From a backtick, or from the brace that ends a substitution, to the next backtick or `${`. */
function readTemplate(source: string, at: number): Piece {
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === '`') return { kind: TEXT, end: i + 1 }
    else if (source[i] === '$' && source[i + 1] === '{') return { kind: TEXT, end: i + 2, opensSubstitution: true }
  }
  return { kind: TEXT, end: source.length }
}

function endOfQuoted(source: string, at: number, quote: string): number {
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === quote || source[i] === '\n') return i + 1
  }
  return source.length
}

function endOfRegExp(source: string, at: number): number {
  let isInClass = false
  for (let i = at + 1; i < source.length; i++) {
    if (source[i] === '\\') i++
    else if (source[i] === '[') isInClass = true
    else if (source[i] === ']') isInClass = false
    else if ((source[i] === '/' && !isInClass) || source[i] === '\n') return i + 1
  }
  return source.length
}

function endAfter(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from)
  return found < 0 ? source.length : found + mark.length
}

function keep(source: string, kinds: Uint8Array, wanted: readonly number[]): string {
  let text = ''
  for (let i = 0; i < source.length; i++) text += source[i] === '\n' || wanted.includes(kinds[i]) ? source[i] : ' '
  return text
}
