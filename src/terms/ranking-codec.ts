import { WORKLOAD_TYPES } from './host.ts'
import { parseHostId, parseVmId } from './ids.ts'
import { parseBoolean, parseFields, parseList, parseNumber, parseOptional, parseText, parseWord } from './parse.ts'
import {
  LACKS,
  type MigrationScore,
  type Performance,
  type RankedHost,
  type Ranking,
  type Refused,
  type RefusedHost,
  type Speed,
  type SpeedTerm,
  type Verdict,
} from './ranking.ts'

const VERDICT_KINDS = ['fits', 'refused'] as const

export function parseVerdict(value: unknown, place = 'verdict'): Verdict {
  const fields = parseFields(value, place)
  const kind = parseWord(fields['kind'], `${place}.kind`, VERDICT_KINDS)
  return kind === 'fits' ? { kind } : parseRefused(value, place)
}

export function encodeVerdict(verdict: Verdict): string {
  return JSON.stringify(verdict)
}

function parseRefused(value: unknown, place: string): Refused {
  const fields = parseFields(value, place)
  return {
    kind: parseWord(fields['kind'], `${place}.kind`, ['refused']),
    lacking: parseWord(fields['lacking'], `${place}.lacking`, LACKS),
    shortBy: parseNumber(fields['shortBy'], `${place}.shortBy`),
    reason: parseText(fields['reason'], `${place}.reason`),
  }
}

export function parseMigrationScore(value: unknown, place = 'score'): MigrationScore {
  const fields = parseFields(value, place)
  const terms = parseFields(fields['terms'], `${place}.terms`)
  return {
    total: parseNumber(fields['total'], `${place}.total`),
    terms: {
      performance: parseNumber(terms['performance'], `${place}.terms.performance`),
      energy: parseNumber(terms['energy'], `${place}.terms.energy`),
      load: parseNumber(terms['load'], `${place}.terms.load`),
      migration: parseNumber(terms['migration'], `${place}.terms.migration`, { max: 0 }),
    },
  }
}

export function encodeMigrationScore(score: MigrationScore): string {
  return JSON.stringify(score)
}

export function parsePerformance(value: unknown, place = 'performance'): Performance {
  const fields = parseFields(value, place)
  const speed = parseOptional(fields['speed'], (nested) => parseSpeed(nested, `${place}.speed`))
  return {
    latencyFactor: parseNumber(fields['latencyFactor'], `${place}.latencyFactor`, { min: 0 }),
    throughput: parseNumber(fields['throughput'], `${place}.throughput`, { min: 0, max: 1 }),
    addedWatts: parseNumber(fields['addedWatts'], `${place}.addedWatts`),
    ...(speed === undefined ? {} : { speed }),
  }
}

function parseSpeed(value: unknown, place: string): Speed {
  const fields = parseFields(value, place)
  const watts = parseOptional(fields['wattsPerRefCore'], (n) => parseNumber(n, `${place}.wattsPerRefCore`))
  return {
    factor: parseNumber(fields['factor'], `${place}.factor`, { min: 0 }),
    spread: parseNumber(fields['spread'], `${place}.spread`, { min: 0 }),
    ...(watts === undefined ? {} : { wattsPerRefCore: watts }),
    isMixAssumed: parseBoolean(fields['isMixAssumed'], `${place}.isMixAssumed`),
    terms: parseList(fields['terms'], `${place}.terms`).map((term, i) => parseSpeedTerm(term, `${place}.terms[${i}]`)),
  }
}

function parseSpeedTerm(value: unknown, place: string): SpeedTerm {
  const fields = parseFields(value, place)
  const ratio = parseOptional(fields['ratio'], (n) => parseNumber(n, `${place}.ratio`, { min: 0 }))
  return {
    workloadType: parseWord(fields['workloadType'], `${place}.workloadType`, WORKLOAD_TYPES),
    weight: parseNumber(fields['weight'], `${place}.weight`, { min: 0, max: 1 }),
    ...(ratio === undefined ? {} : { ratio }),
  }
}

export function encodePerformance(performance: Performance): string {
  return JSON.stringify(performance)
}

export function parseRanking(value: unknown, place = 'ranking'): Ranking {
  const fields = parseFields(value, place)
  return {
    vmId: parseVmId(fields['vmId'], `${place}.vmId`),
    ranked: parseList(fields['ranked'], `${place}.ranked`).map((item, i) =>
      parseRankedHost(item, `${place}.ranked[${i}]`),
    ),
    refused: parseList(fields['refused'], `${place}.refused`).map((item, i) =>
      parseRefusedHost(item, `${place}.refused[${i}]`),
    ),
  }
}

export function encodeRanking(ranking: Ranking): string {
  return JSON.stringify(ranking)
}

function parseRankedHost(value: unknown, place: string): RankedHost {
  const fields = parseFields(value, place)
  return {
    hostId: parseHostId(fields['hostId'], `${place}.hostId`),
    score: parseMigrationScore(fields['score'], `${place}.score`),
    performance: parsePerformance(fields['performance'], `${place}.performance`),
  }
}

function parseRefusedHost(value: unknown, place: string): RefusedHost {
  const fields = parseFields(value, place)
  return {
    hostId: parseHostId(fields['hostId'], `${place}.hostId`),
    verdict: parseRefused(fields['verdict'], `${place}.verdict`),
  }
}
