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

/** Put together by hand, in less time than `JSON.stringify` takes: a ranking of a thousand hosts with their speeds is 450 KB. */
export function encodeRanking({ vmId, ranked, refused }: Ranking): string {
  let text = `{"vmId":${quote(vmId)},"ranked":[`
  let comma = ''
  for (const { hostId, score, performance } of ranked) {
    text += `${comma}{"hostId":${quote(hostId)},"score":${writeScore(score)},"performance":${writePerformance(performance)}}`
    comma = ','
  }
  text += '],"refused":['
  comma = ''
  for (const { hostId, verdict } of refused) {
    const { kind, lacking, shortBy, reason } = verdict
    text += `${comma}{"hostId":${quote(hostId)},"verdict":{"kind":"${kind}","lacking":"${lacking}",`
    text += `"shortBy":${write(shortBy)},"reason":${quote(reason)}}}`
    comma = ','
  }
  return `${text}]}`
}

function writeScore({ total, terms }: MigrationScore): string {
  const { performance, energy, load, migration } = terms
  const written = `"performance":${write(performance)},"energy":${write(energy)},"load":${write(load)},"migration":${write(migration)}`
  return `{"total":${write(total)},"terms":{${written}}}`
}

function writePerformance({ latencyFactor, throughput, addedWatts, speed }: Performance): string {
  const written = `"latencyFactor":${write(latencyFactor)},"throughput":${write(throughput)},"addedWatts":${write(addedWatts)}`
  return speed === undefined ? `{${written}}` : `{${written},"speed":${writeSpeed(speed)}}`
}

function writeSpeed({ factor, spread, wattsPerRefCore, isMixAssumed, terms }: Speed): string {
  let text = `{"factor":${write(factor)},"spread":${write(spread)},`
  if (wattsPerRefCore !== undefined) text += `"wattsPerRefCore":${write(wattsPerRefCore)},`
  text += `"isMixAssumed":${isMixAssumed},"terms":[`
  let comma = ''
  for (const { workloadType, weight, ratio } of terms) {
    text += `${comma}{"workloadType":"${workloadType}","weight":${write(weight)}`
    text += ratio === undefined ? '}' : `,"ratio":${write(ratio)}}`
    comma = ','
  }
  return `${text}]}`
}

function write(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null'
}

/** Text that JSON leaves as it is. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
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
