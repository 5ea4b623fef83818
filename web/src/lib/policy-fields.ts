/** The fields of the policy, in the words of docs/policy.md, with what they are counted in and which way they make it act more readily. */
import { BUDGETS, LIMITS, TRUST } from './policy-budget-fields.ts'
import type { PolicyField, PolicyGroup } from './policy-field.ts'

const ACT: readonly PolicyField[] = [
  {
    path: 'contention.highFraction',
    group: 'act',
    title: 'Contention begins above',
    kind: 'share',
    unit: 'of capacity',
    help: 'Demand above this share of a host’s capacity is contention.',
    eager: 'lower',
  },
  {
    path: 'contention.lowFraction',
    group: 'act',
    title: 'Relief goes on down to',
    kind: 'share',
    unit: 'of capacity',
    help: 'A target must stay below this share at its upper bound, and relief goes on until the source does.',
  },
  {
    path: 'contention.triggerProbability',
    group: 'act',
    title: 'Acts when contention is as likely as',
    kind: 'share',
    help: 'A host is triggered when contention within the horizon is at least this likely.',
    eager: 'lower',
  },
  {
    path: 'contention.holdTurns',
    group: 'act',
    title: 'It has to be so in',
    kind: 'count',
    unit: 'turns',
    help: 'A host is relieved when it is triggered now, and was in this many of the last turns.',
    eager: 'lower',
  },
  {
    path: 'contention.ofTurns',
    group: 'act',
    title: 'Of the last',
    kind: 'count',
    unit: 'turns',
    help: 'So many turns are looked back, this one included; 1 to 8.',
    eager: 'higher',
  },
  {
    path: 'contention.atOnceMarginMs',
    group: 'act',
    title: 'Acts without hold within a move’s time and',
    kind: 'span',
    help: 'Contention that is likely within a move’s time and this is acted on at once.',
    eager: 'higher',
    empty: 'never',
  },
]

const PASS: readonly PolicyField[] = [
  {
    path: 'gates.marginFraction',
    group: 'pass',
    title: 'Gain exceeds cost by',
    kind: 'share',
    unit: 'of the cost',
    help: 'The share grows while moves do not earn what they cost.',
    eager: 'lower',
  },
  {
    path: 'gates.confidenceMin',
    group: 'pass',
    title: 'With a probability of',
    kind: 'share',
    help: 'Probability that the gain exceeds the cost, below which nothing moves.',
    eager: 'lower',
  },
  {
    path: 'gates.movesPerTurnMax',
    group: 'pass',
    title: 'Moves of one turn',
    kind: 'count',
    unit: 'at most',
    help: 'In the whole cluster.',
    eager: 'higher',
    empty: 'no limit',
  },
]

const REST: readonly PolicyField[] = [
  {
    path: 'gates.cooldownMs',
    group: 'rest',
    title: 'A VM that moved rests',
    kind: 'span',
    help: 'Doubled for each further move within 24 h, up to 6 h.',
    eager: 'lower',
  },
  {
    path: 'gates.noReturnMs',
    group: 'rest',
    title: 'It does not return within',
    kind: 'span',
    help: 'A VM does not return to a host that it left within this time.',
    eager: 'lower',
  },
  {
    path: 'gates.movesPerVmDayMax',
    group: 'rest',
    title: 'Moves of one VM in 24 h',
    kind: 'count',
    unit: 'at most',
    help: 'Moves of one VM within 24 h.',
    eager: 'higher',
  },
]

const AHEAD: readonly PolicyField[] = [
  {
    path: 'forecast.horizonMs',
    group: 'ahead',
    title: 'Looks ahead',
    kind: 'span',
    help: 'How far ahead contention is forecast, and the span over which a score and the gain against contention are reckoned.',
    eager: 'higher',
  },
  {
    path: 'forecast.lookBackMs',
    group: 'ahead',
    title: 'Looks back',
    kind: 'span',
    help: 'How much of the past is remembered and looked at.',
  },
  {
    path: 'forecast.quantile',
    group: 'ahead',
    title: 'Demand stays within its bound in',
    kind: 'share',
    unit: 'of turns',
    help: 'The width of the band starts from it and is then learnt.',
  },
]

const ENERGY: readonly PolicyField[] = [
  {
    path: 'consolidation.isEnabled',
    group: 'energy',
    title: 'Hosts may be emptied',
    kind: 'flag',
    help: 'Off also takes the worth of filling a host out of the score.',
    eager: 'higher',
  },
  {
    path: 'consolidation.hostsPerTurnMax',
    group: 'energy',
    title: 'Hosts emptied in one turn',
    kind: 'count',
    unit: 'at most',
    help: 'Hosts emptied at most in one turn.',
    eager: 'higher',
  },
  {
    path: 'consolidation.hostOnMsMin',
    group: 'energy',
    title: 'A host stays in use for',
    kind: 'span',
    help: 'A host that came into use is not emptied before.',
    eager: 'lower',
  },
  {
    path: 'consolidation.expectedOffMs',
    group: 'energy',
    title: 'It is taken to stay off for',
    kind: 'span',
    help: 'The saving of an emptied host is reckoned, and later settled, over this span.',
    eager: 'higher',
  },
]

const PRICES: readonly PolicyField[] = [
  {
    path: 'prices.currency',
    group: 'prices',
    title: 'Currency',
    kind: 'text',
    help: 'The name that stands behind amounts; nothing is converted.',
  },
  {
    path: 'prices.perKwh',
    group: 'prices',
    title: 'Energy',
    kind: 'money',
    unit: 'per kWh',
    help: 'What emptying a host saves, what starting one costs.',
    eager: 'higher',
  },
  {
    path: 'prices.perUnservedCoreHour',
    group: 'prices',
    title: 'Demand that is not served',
    kind: 'money',
    unit: 'per reference-core hour',
    help: 'Worth of demand that is wanted and not given. Higher: fuller hosts are avoided at the price of more energy.',
  },
  {
    path: 'prices.perCopiedGiB',
    group: 'prices',
    title: 'Memory sent',
    kind: 'money',
    unit: 'per GiB',
    help: 'Cost of memory sent by a migration.',
    eager: 'lower',
  },
  {
    path: 'prices.perDowntimeSecond',
    group: 'prices',
    title: 'Pause of a VM',
    kind: 'money',
    unit: 'per second',
    help: 'Cost of the pause at the end of a migration.',
    eager: 'lower',
  },
  {
    path: 'prices.perMigration',
    group: 'prices',
    title: 'Any migration',
    kind: 'money',
    unit: 'each',
    help: 'Cost of any migration, however small: risk and disturbance. Higher: fewer moves.',
    eager: 'lower',
  },
]

export const POLICY_FIELDS: readonly PolicyField[] = [
  ...[ACT, PASS, REST, AHEAD, ENERGY, PRICES].flat(),
  ...[LIMITS, BUDGETS, TRUST].flat(),
]

export function fieldsOf(group: PolicyGroup): readonly PolicyField[] {
  return POLICY_FIELDS.filter((field) => field.group === group)
}
