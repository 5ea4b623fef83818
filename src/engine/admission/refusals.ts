/** Why a line was refused, as a word to count by: there are few, whatever a guest writes. */

export const REFUSAL_WORDS = [
  'not one JSON object',
  'unknown field',
  'other schema',
  'other VM',
  'bad vm',
  'bad sender',
  'bad seq',
  'bad endMs',
  'bad windowMs',
  'bad coverage',
  'bad phases',
  'bad mask',
  'bad data',
  'out of range',
  'not in the one form',
] as const
export type RefusalWord = (typeof REFUSAL_WORDS)[number]

const FIELD_WORDS: Readonly<Record<string, RefusalWord>> = {
  schema: 'other schema',
  vm: 'bad vm',
  sender: 'bad sender',
  seq: 'bad seq',
  endMs: 'bad endMs',
  windowMs: 'bad windowMs',
  coverage: 'bad coverage',
  phases: 'bad phases',
  mask: 'bad mask',
  data: 'bad data',
}

/** The word for a place where parsing stopped: `vector`, `vector.seq`, `vector.data[3]`, `vector.anything`. */
export function refusalAt(place: string): RefusalWord {
  const field = /^vector\.(\w+)(?:\[\d+\])?$/.exec(place)?.[1]
  if (field === undefined) return place === 'vector' ? 'not one JSON object' : 'unknown field'
  return Object.hasOwn(FIELD_WORDS, field) ? FIELD_WORDS[field] : 'unknown field'
}
