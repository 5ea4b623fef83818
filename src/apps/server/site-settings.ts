/** What operators set for the judgement: the policy, and how much of it happens by itself. */
import { ParseError, parseBoolean, parseFields, parseJson, parseOptional, parseWord } from '../../terms/parse.ts'
import { type Policy, PRODUCTION_POLICY, parsePolicy, withSafety } from '../../terms/policy.ts'
import type { SiteStore } from '../../world/site-store.ts'
import { MOVE_TIMES_DEFAULT, MOVE_TIMES_SETTING, type MoveTimes, parseMoveTimes } from './move-times.ts'
import {
  ACCEPTED_WARNINGS_SETTING,
  type AcceptedWarnings,
  MAINTENANCE_SETTING,
  type Maintenances,
  OPT_OUTS_SETTING,
  type OptOuts,
  parseAcceptedWarnings,
  parseMaintenances,
  parseOptOuts,
} from './wishes.ts'

/** Names of the settings in the store. */
export const POLICY_SETTING = 'policy'
export const AUTOMATION_SETTING = 'automation'

/** Each allows what the one before it does, and more. `off` takes no turns; `shadow` records what it would order; `advisory` proposes it to people;
 *  `partial` carries out what a person approved, and empties hosts at a person's word; `full` also what the policy decides by itself. */
export const AUTOMATION_LEVELS = ['off', 'shadow', 'advisory', 'partial', 'full'] as const
export type AutomationLevel = (typeof AUTOMATION_LEVELS)[number]

/** Whether VMs are moved at this level at all. */
export function isMoving(level: AutomationLevel): boolean {
  return level === 'partial' || level === 'full'
}

export interface Automation {
  readonly level: AutomationLevel
  /** Turns are taken and give no orders. */
  readonly isPaused: boolean
  /** What guests say of the kind of their work weighs in orders. False: it weighs in rankings alone, so that no guest can move another's VM by words. */
  readonly areGuestsTrusted: boolean
}

export const AUTOMATION_DEFAULT: Automation = { level: 'shadow', isPaused: false, areGuestsTrusted: false }

export interface SiteSettings {
  readonly policy: Policy
  readonly automation: Automation
  readonly moveTimes: MoveTimes
  readonly optOuts: OptOuts
  readonly maintenances: Maintenances
  readonly acceptedWarnings: AcceptedWarnings
  /** Settings that can't be read, a sentence each: what stood before them is used, and nothing is ordered. */
  readonly problems: readonly string[]
}

const INITIAL: SiteSettings = {
  policy: PRODUCTION_POLICY,
  automation: AUTOMATION_DEFAULT,
  moveTimes: MOVE_TIMES_DEFAULT,
  optOuts: new Map(),
  maintenances: new Map(),
  acceptedWarnings: new Map(),
  problems: [],
}

/** Reads them all. What can't be understood keeps its last good value, and is told. */
export async function readSettings(store: SiteStore, before: SiteSettings = INITIAL): Promise<SiteSettings> {
  const problems: string[] = []
  const read = async <T>(name: string, parse: (text: string) => T, last: T, initial: T): Promise<T> => {
    const setting = await store.settings.get(name)
    if (setting === undefined) return initial
    try {
      return parse(setting.text)
    } catch (error) {
      if (!(error instanceof ParseError)) throw error
      problems.push(`The setting "${name}" can't be understood, so nothing is ordered: ${error.message}`)
      return last
    }
  }
  const policy = await read(POLICY_SETTING, parsePolicyText, before.policy, INITIAL.policy)
  const automation = await read(AUTOMATION_SETTING, parseAutomation, before.automation, INITIAL.automation)
  return {
    // Where moves are real, no policy goes without its limits of safety.
    policy: isMoving(automation.level) ? withSafety(policy) : policy,
    automation,
    moveTimes: await read(MOVE_TIMES_SETTING, parseTimesText, before.moveTimes, INITIAL.moveTimes),
    optOuts: await read(OPT_OUTS_SETTING, parseOptOuts, before.optOuts, INITIAL.optOuts),
    maintenances: await read(MAINTENANCE_SETTING, parseMaintenances, before.maintenances, INITIAL.maintenances),
    acceptedWarnings: await read(
      ACCEPTED_WARNINGS_SETTING,
      parseAcceptedWarnings,
      before.acceptedWarnings,
      INITIAL.acceptedWarnings,
    ),
    problems,
  }
}

function parsePolicyText(text: string): Policy {
  return parsePolicy(parseJson(text, POLICY_SETTING))
}

function parseTimesText(text: string): MoveTimes {
  return parseMoveTimes(parseJson(text, MOVE_TIMES_SETTING))
}

/** Reads `{"level":"shadow","isPaused":false,"areGuestsTrusted":false}`; any may be left out. */
export function parseAutomation(text: string): Automation {
  const fields = parseFields(parseJson(text, AUTOMATION_SETTING), AUTOMATION_SETTING)
  const level = parseOptional(fields['level'], (word) =>
    parseWord(word, `${AUTOMATION_SETTING}.level`, AUTOMATION_LEVELS),
  )
  const flagOf = (name: 'isPaused' | 'areGuestsTrusted'): boolean =>
    parseOptional(fields[name], (flag) => parseBoolean(flag, `${AUTOMATION_SETTING}.${name}`)) ??
    AUTOMATION_DEFAULT[name]
  return {
    level: level ?? AUTOMATION_DEFAULT.level,
    isPaused: flagOf('isPaused'),
    areGuestsTrusted: flagOf('areGuestsTrusted'),
  }
}
