/** `ethos agent --once`: the vector as a person reads it. */
import type { Finding } from '../../drivers/guest/sampler.ts'
import { witnessOf } from '../../engine/profile/distance.ts'
import {
  DIMENSIONS,
  type DimensionName,
  isPresent,
  PERSONALITY_SCHEMA,
  type PersonalityVector,
} from '../../terms/personality.ts'
import { PERSONALITY_SCHEMA_VERSION } from '../../terms/personality.ts'
import { noteOfUnit, showAmount, showTime } from './amounts.ts'
import type { SamplerDetails } from './watch.ts'

/** Headings over runs of the schema, each from its first dimension on. */
const HEADINGS: readonly (readonly [DimensionName, string])[] = [
  ['cpuRefCoresMean', 'CPU'],
  ['memoryUsedBytes', 'Memory'],
  ['diskReadBytesPerSec', 'Disk'],
  ['netReceiveBytesPerSec', 'Network'],
  ['systemCallsFilePerSec', 'System and library calls'],
  ['processCount', 'Processes'],
  ['applicationRequestsPerSec', 'Applications'],
  ['cpuBurstiness', 'Behaviour'],
  ['forecastCpu5MinP50', 'Forecast of CPU'],
]

export interface OnceView {
  readonly vector: PersonalityVector
  readonly looks: number
  readonly phaseName?: string
  /** Who saw a dimension: the guest told it, or the host saw it. */
  readonly witness: 'guest' | 'host'
  readonly details: readonly SamplerDetails[]
  readonly findings: readonly Finding[]
}

/** Text for a terminal: every dimension with its name, value, unit and source, then what is absent and what would open it. */
export function showOnce(view: OnceView): string {
  const { vector } = view
  const present = PERSONALITY_SCHEMA.filter((_, i) => isPresent(vector, i)).length
  const told = view.witness === 'guest' ? 'told by the guest' : 'seen from the host'
  const lines = [
    `Personality of ${vector.vmId} over the last ${showTime(vector.windowMs)} (${view.looks} looks, ${Math.round(vector.coverage * 100)} % of it measured)`,
    `schema ${PERSONALITY_SCHEMA_VERSION}, phase model ${vector.phases}; ${present} of ${DIMENSIONS} dimensions present, ${told}`,
  ]
  PERSONALITY_SCHEMA.forEach((dimension, i) => {
    const heading = HEADINGS.find(([name]) => name === dimension.name)
    if (heading !== undefined && hasAny(vector, heading[0])) lines.push('', heading[1])
    if (!isPresent(vector, i)) return
    const value =
      dimension.name === 'phase' ? showPhase(view, vector.values[i]) : showAmount(vector.values[i], dimension.unit)
    const source = dimension.source === 'derived' ? 'derived' : witnessOf(vector, dimension.name)
    lines.push(
      `  ${dimension.name.padEnd(29)}${value.padStart(16)}  ${source.padEnd(8)}${noteOfUnit(dimension.unit)}`.trimEnd(),
    )
  })
  lines.push(...detailLines(view.details), ...absentLines(view))
  return `${lines.join('\n')}\n`
}

/** The same for a program: one object, absent dimensions left out. */
export function onceAsJson(view: OnceView): string {
  const { vector } = view
  const dimensions = Object.fromEntries(
    PERSONALITY_SCHEMA.flatMap(({ name, unit, source }, i) =>
      isPresent(vector, i)
        ? [
            [
              name,
              { value: vector.values[i], unit, source: source === 'derived' ? 'derived' : witnessOf(vector, name) },
            ],
          ]
        : [],
    ),
  )
  const absent = Object.fromEntries(
    PERSONALITY_SCHEMA.flatMap(({ name, absentMeans }, i) => (isPresent(vector, i) ? [] : [[name, absentMeans]])),
  )
  return `${JSON.stringify(
    {
      vm: vector.vmId,
      schema: PERSONALITY_SCHEMA_VERSION,
      phases: vector.phases,
      ...(view.phaseName === undefined ? {} : { phase: view.phaseName }),
      windowEnd: new Date(vector.windowEnd).toISOString(),
      windowMs: vector.windowMs,
      coverage: vector.coverage,
      looks: view.looks,
      dimensions,
      absent,
      details: Object.fromEntries(view.details.map(({ sampler, details }) => [sampler, details])),
      findings: view.findings,
    },
    undefined,
    2,
  )}\n`
}

function hasAny(vector: PersonalityVector, from: DimensionName): boolean {
  const begin = PERSONALITY_SCHEMA.findIndex(({ name }) => name === from)
  const next = HEADINGS[HEADINGS.findIndex(([name]) => name === from) + 1]
  const end = next === undefined ? DIMENSIONS : PERSONALITY_SCHEMA.findIndex(({ name }) => name === next[0])
  for (let i = begin; i < end; i++) if (isPresent(vector, i)) return true
  return false
}

function showPhase({ phaseName }: OnceView, phase: number): string {
  return phaseName === undefined ? String(phase) : `${phase}: ${phaseName}`
}

function detailLines(details: readonly SamplerDetails[]): readonly string[] {
  if (details.length === 0) return []
  const lines = ['', 'Measured beside, not sent']
  for (const { sampler, details: measured } of details) {
    const parts = measured.map(
      ({ name, unit, value }) => `${name} ${typeof value === 'number' ? showAmount(value, unit) : value}`,
    )
    lines.push(...wrap(parts, `  ${sampler.padEnd(14)}`, 118))
  }
  return lines
}

/** Absent dimensions by the reason for it, and what would open them here. */
function absentLines({ vector, findings }: OnceView): readonly string[] {
  const byReason = new Map<string, string[]>()
  PERSONALITY_SCHEMA.forEach(({ name, absentMeans }, i) => {
    if (!isPresent(vector, i)) byReason.set(absentMeans, [...(byReason.get(absentMeans) ?? []), name])
  })
  if (byReason.size === 0) return []
  const lines = ['', 'Absent (absent is not zero)']
  for (const [reason, names] of byReason) lines.push(`  ${reason}:`, ...wrap(names, '    ', 118))
  const remedies = findings.filter(({ state, remedy }) => state !== 'seen' && remedy !== undefined)
  if (remedies.length > 0) lines.push('', 'What would open more')
  for (const { what, remedy } of remedies) lines.push(`  ${what}: ${remedy}`)
  return lines
}

function wrap(parts: readonly string[], indent: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = indent
  parts.forEach((part, i) => {
    const text = i + 1 < parts.length ? `${part},` : part
    if (line.length + text.length + 1 > width && line.trim() !== '') {
      lines.push(line.trimEnd())
      line = ' '.repeat(indent.length)
    }
    line += `${text} `
  })
  lines.push(line.trimEnd())
  return lines
}
