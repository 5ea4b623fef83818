/** The past, from the journal: turns, the moves that were ordered, and what came of them. Newest first. */
import { type Fields, parseFields, parseJson } from '../../../terms/parse.ts'
import type { Journal, JournalLine } from '../../../world/site-store.ts'
import { JOURNAL_QUERY, MovesView, OutcomesView, PlansView } from '../views/site.ts'
import { orDamaged } from './damaged.ts'
import type { ApiParts } from './parts.ts'
import { JSON_TYPE, type Reply, value } from './reply.ts'
import { type Route, route } from './route.ts'

const CHUNK = 100
/** Chunks that one request looks through at most; then it says where it stopped. */
const CHUNKS_MAX = 20

export function journalRoutes({ store }: ApiParts): readonly Route[] {
  const base = { method: 'GET', access: 'viewer', tag: 'journal', query: JOURNAL_QUERY } as const
  return [
    route({
      ...base,
      path: '/v1/plans',
      summary: 'Turns as the journal has them, newest first.',
      answer: PlansView,
      handle: async ({ query }): Promise<Reply> => {
        const { found, next } = await lookBack(store.journal, query, (line) => {
          if (!isTurn(line)) return []
          fieldsOf(line)
          return [line]
        })
        // Lines are JSON already: they are not written anew.
        const plans = found.map(({ number, at, line }) => `{"number":${number},"at":${at},"record":${line}}`)
        const more = next === undefined ? '' : `,"next":${next}`
        return { kind: 'text', text: `{"plans":[${plans.join(',')}]${more}}`, type: JSON_TYPE }
      },
    }),
    route({
      ...base,
      path: '/v1/moves',
      summary: 'Migrations that were ordered, newest first, each with its reason, gain and cost.',
      answer: MovesView,
      handle: async ({ query }) => {
        const { found, next } = await lookBack(store.journal, query, (line) =>
          listIn(line, 'orders').map((order) => ({ number: line.number, at: line.at, order })),
        )
        return value({ moves: found, ...(next === undefined ? {} : { next }) })
      },
    }),
    route({
      ...base,
      path: '/v1/outcomes',
      summary: 'What came of moves, promised against realised, newest first.',
      answer: OutcomesView,
      handle: async ({ query }) => {
        const { found, next } = await lookBack(store.journal, query, (line) =>
          listIn(line, 'events')
            .filter((event) => event['kind'] === 'outcome-settled')
            .map(({ outcome }) => readLine(line, () => parseFields(outcome ?? {}, 'outcome')))
            .map((outcome) => ({ number: line.number, at: line.at, outcome })),
        )
        return value({ outcomes: found, ...(next === undefined ? {} : { next }) })
      },
    }),
  ]
}

/** Walks the journal backwards until there is enough, or enough was looked at. A line's findings stay together. */
async function lookBack<T>(
  journal: Journal,
  { before, limit = 20 }: { readonly before?: number; readonly limit?: number },
  find: (line: JournalLine) => readonly T[],
): Promise<{ readonly found: readonly T[]; readonly next?: number }> {
  const found: T[] = []
  let end = before ?? ((await journal.last(1)).at(-1)?.number ?? -1) + 1
  for (let chunk = 0; chunk < CHUNKS_MAX && end > 0; chunk++) {
    const from = Math.max(0, end - CHUNK)
    const lines = (await journal.from(from, CHUNK)).filter(({ number }) => number < end)
    for (const line of lines.toReversed()) {
      found.push(...find(line))
      if (found.length >= limit) return { found, ...(line.number > 0 ? { next: line.number } : {}) }
    }
    end = from
  }
  return { found, ...(end > 0 ? { next: end } : {}) }
}

function isTurn({ line }: JournalLine): boolean {
  return line.startsWith('{"kind":"turn"')
}

/** A line's fields. Throws a `DamagedError` where it has none. */
function fieldsOf(line: JournalLine): Fields {
  return readLine(line, () => parseFields(parseJson(line.line, 'journal'), 'journal'))
}

function readLine<T>({ number }: JournalLine, read: () => T): T {
  return orDamaged(`Line ${number} of the journal`, read)
}

/** A list of objects within a line; of what does not have it, none. */
function listIn(line: JournalLine, name: string): readonly Fields[] {
  const list = fieldsOf(line)[name]
  if (!Array.isArray(list)) return []
  return list.filter((item): item is Fields => typeof item === 'object' && item !== null)
}
