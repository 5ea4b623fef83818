/** A policy while it is edited: texts of a form, what they come to, what differs from what stands, and how they go on from what somebody else has set. */
import { ParseError } from '../../../src/terms/parse.ts'
import { type Policy, parsePolicy, SITE_POLICY, SITE_SAFETY } from '../../../src/terms/policy.ts'
import type { PolicyField } from './policy-field.ts'
import { POLICY_FIELDS } from './policy-fields.ts'
import { type FieldValue, inputText, readInput, valueText } from './policy-values.ts'

export interface PolicyDraft {
  readonly name: string
  /** Whether it has limits of safety of its own. Without them the site's bind at `partial` and `full`, and none below. */
  readonly hasSafety: boolean
  /** By the field's path, as somebody wrote it. */
  readonly texts: Readonly<Record<string, string>>
}

export interface Problem {
  /** The field's path; empty: it is of no field. */
  readonly place: string
  readonly text: string
}

/** What is sent, or why it can't be. */
export interface ReadDraft {
  /** Fields with null where a limit is lifted; absent: it can't be read. */
  readonly policy?: PolicyJson
  readonly problems: readonly Problem[]
}

export type PolicyJson = Readonly<Record<string, unknown>>

export interface Change {
  readonly path: string
  readonly title: string
  readonly from: string
  readonly to: string
}

/** What the server says stands. Throws a `ParseError` where a later version left what this page can't read. */
export function readPolicy(json: unknown): Policy {
  return parsePolicy(json)
}

export function draftOf(policy: Policy): PolicyDraft {
  const texts = POLICY_FIELDS.map((field) => [field.path, inputText(field, valueAt(policy, field.path))] as const)
  return { name: policy.name, hasSafety: policy.safety !== undefined, texts: Object.fromEntries(texts) }
}

/** Value of a field. Of a policy without safety: that of the site, which binds where moves are real. */
export function valueAt(policy: Policy, path: string): FieldValue {
  const [section = '', name = ''] = path.split('.')
  const fields = (section === 'safety' ? (policy.safety ?? SITE_SAFETY) : Reflect.get(policy, section)) as object
  return Reflect.get(fields, name) as FieldValue
}

/** The field's value as it ships. */
export function shippedValue(path: string): FieldValue {
  return valueAt(SITE_POLICY, path)
}

/** What the draft comes to, judged as the server judges it. */
export function readDraft({ name, hasSafety, texts }: PolicyDraft): ReadDraft {
  const problems: Problem[] = []
  const policy: Record<string, Record<string, unknown>> = {}
  for (const field of POLICY_FIELDS) {
    const [section = '', key = ''] = field.path.split('.')
    if (section === 'safety' && !hasSafety) continue
    const read = readInput(field, texts[field.path] ?? '')
    if ('problem' in read) problems.push({ place: field.path, text: read.problem })
    else (policy[section] ??= {})[key] = read.value ?? null
  }
  if (name.trim() === '') problems.push({ place: 'name', text: 'A name is needed.' })
  if (problems.length > 0) return { problems }
  const whole = { name: name.trim(), ...policy }
  try {
    readPolicy(whole)
    return { policy: whole, problems }
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    const place = error.place.replace(/^policy\./, '')
    return { problems: [{ place, text: error.message.replace(`${error.place}: `, '') }] }
  }
}

/** What differs, in the order of the page. */
export function changesBetween(before: Policy, after: Policy): readonly Change[] {
  const changes: Change[] = []
  if (before.name !== after.name) changes.push({ path: 'name', title: 'Name', from: before.name, to: after.name })
  const had = before.safety !== undefined
  const has = after.safety !== undefined
  if (had !== has)
    changes.push({ path: 'safety', title: 'Limits of safety', from: safetyWords(had), to: safetyWords(has) })
  for (const field of POLICY_FIELDS) {
    if (field.path.startsWith('safety.') && !has) continue
    const [from, to] = [valueAt(before, field.path), valueAt(after, field.path)]
    if (from === to) continue
    changes.push({ path: field.path, title: field.title, from: valueText(field, from), to: valueText(field, to) })
  }
  return changes
}

function safetyWords(has: boolean): string {
  return has ? 'its own' : 'the site’s, where moves are real'
}

/** How a value leans against the one that ships. */
export type Leaning = 'shipped' | 'eager' | 'careful' | 'other'

export function leaningOf({ eager, path }: PolicyField, value: FieldValue): Leaning {
  const shipped = shippedValue(path)
  if (value === shipped) return 'shipped'
  const sign = order(value) - order(shipped)
  if (eager === undefined || Number.isNaN(sign) || sign === 0) return 'other'
  return sign > 0 === (eager === 'higher') ? 'eager' : 'careful'
}

/** How some fields lean together, in one sentence. */
export function leaningText(fields: readonly PolicyField[], policy: Policy): string {
  const leanings = fields.map((field) => leaningOf(field, valueAt(policy, field.path)))
  const count = (leaning: Leaning): number => leanings.filter((one) => one === leaning).length
  const told = [
    [count('eager'), 'more ready to move'],
    [count('careful'), 'more careful'],
    [count('other'), 'of your own'],
  ] as const
  const differing = told.flatMap(([n, words]) => (n === 0 ? [] : [`${n} ${words}`]))
  const shipped = `${count('shipped')} of ${fields.length} fields are as they ship`
  return `${[shipped, ...differing].join(', ')}.`
}

/** Without a limit is above every limit. */
function order(value: FieldValue): number {
  return value === undefined ? Number.MAX_VALUE : typeof value === 'string' ? Number.NaN : Number(value)
}

/** My changes laid over what somebody else has set meanwhile: fields that I changed stay mine, all others are theirs.
 *  `clashes`: both changed them, differently. */
export function goOnFrom(
  base: PolicyDraft,
  mine: PolicyDraft,
  theirs: PolicyDraft,
): { readonly draft: PolicyDraft; readonly clashes: readonly string[] } {
  const clashes: string[] = []
  const pick = <T>(path: string, [was, my, their]: readonly [T, T, T]): T => {
    if (my === was) return their
    if (their !== was && their !== my) clashes.push(path)
    return my
  }
  const texts = POLICY_FIELDS.map(({ path }) => {
    const three = [base.texts[path] ?? '', mine.texts[path] ?? '', theirs.texts[path] ?? ''] as const
    return [path, pick(path, three)] as const
  })
  const name = pick('name', [base.name, mine.name, theirs.name])
  const hasSafety = pick('safety', [base.hasSafety, mine.hasSafety, theirs.hasSafety])
  return { draft: { name, hasSafety, texts: Object.fromEntries(texts) }, clashes }
}
