/** `--explain VM@TIME`: why a VM moved or stayed. */
import { explainVm } from '../../engine/explain.ts'
import type { EngineState } from '../../engine/state.ts'
import type { Observation } from '../../terms/turn.ts'
import { MINUTE_MS, SECOND_MS } from '../../terms/units.ts'
import { UsageError } from '../usage-error.ts'
import { formatTime, renderExplanation } from './explain-text.ts'
import { runPolicy } from './run-policy.ts'
import type { BacktestSetup } from './setup.ts'

export interface Question {
  /** Row of the trace. */
  readonly vm: number
  /** Since the first sample. */
  readonly atMs: number
}

/** `VM@TIME`: the VM by name, id or row; TIME in seconds since the first sample, or HH:MM. */
export function parseQuestion(text: string, setup: BacktestSetup): Question {
  const at = text.lastIndexOf('@')
  if (at <= 0) throw new UsageError('--explain', text, 'Expected VM@TIME, for example web-3@14:05 or web-3@50700.')
  return { vm: parseVm(text.slice(0, at), setup), atMs: parseTime(text.slice(at + 1), setup) }
}

function parseVm(name: string, { trace: { vmNames }, demand }: BacktestSetup): number {
  const byName = vmNames.indexOf(name)
  if (byName >= 0) return byName
  const byId = demand.vms.findIndex((vm) => vm.id === name)
  if (byId >= 0) return byId
  const row = /^\d+$/.test(name) ? Number(name) : -1
  if (row >= 0 && row < vmNames.length) return row
  const range = `The trace has ${vmNames.length}, from ${vmNames[0]} to ${vmNames.at(-1)}`
  throw new UsageError('--explain', name, `No such VM. ${range}; a row number from 0 works too.`)
}

function parseTime(text: string, { demand }: BacktestSetup): number {
  const ms = readTime(text)
  const endMs = (demand.steps - 1) * demand.stepMs
  if (ms === undefined) throw new UsageError('--explain', text, 'Expected seconds since the first sample, or HH:MM.')
  if (ms <= endMs) return ms
  throw new UsageError('--explain', text, `The trace ends at ${formatTime(endMs)} (second ${endMs / SECOND_MS}).`)
}

function readTime(text: string): number | undefined {
  const clock = /^(\d{1,4}):([0-5]\d)$/.exec(text)
  if (clock !== null) return (Number(clock[1]) * 60 + Number(clock[2])) * MINUTE_MS
  return /^\d+$/.test(text) ? Number(text) * SECOND_MS : undefined
}

/** Runs our policy, and says what it knew and why it did what it did at the last turn at or before the time asked. */
export async function explainAt(setup: BacktestSetup, question: Question, onStep?: () => void): Promise<string> {
  let seen: { state: EngineState; observation: Observation } | undefined
  const { moves } = await runPolicy(setup, 'ethos', {
    areLivesCloudsims: false,
    keepsDetail: false,
    ...(onStep === undefined ? {} : { onStep }),
    spy: (state, observation) => {
      if (observation.at <= question.atMs) seen = { state: state as EngineState, observation }
    },
  })
  const name = setup.trace.vmNames[question.vm]
  if (seen === undefined) return 'No turn was taken by then.'
  const { id } = setup.demand.vms[question.vm]
  const explanation = explainVm(seen.state, seen.observation, setup.policy, id)
  if (explanation === undefined)
    return `${name} does not live at ${formatTime(question.atMs)}: it comes later or has gone.`
  return renderExplanation(explanation, { name, setup, moves: moves.filter(({ vm }) => vm === question.vm) })
}
