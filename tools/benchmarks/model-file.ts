/** The fitted model that ships, and the sample of VMs that it never saw, in traces/azure-vm-noise. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import {
  BENCHMARK_MODEL_SCHEMA,
  type BenchmarkModel,
  type MetricModel,
  parseBenchmarkModel,
  type ResidualBand,
} from '../../src/engine/suitability/benchmarks/model.ts'
import { parseJson } from '../../src/terms/parse.ts'
import { REPOSITORY } from '../repository.ts'
import type { VmGroup } from './dataset.ts'
import { fitTarget, type Frame, presentRows, quantileOfSorted } from './frame.ts'
import type { Learned } from './study.ts'

export const MODEL_FOLDER = join(REPOSITORY, 'traces', 'azure-vm-noise')
const MODEL_PATH = join(MODEL_FOLDER, 'model.json')
/** VMs per group in the sample, all of the test part. */
const SAMPLE_VMS = 200
const PROVENANCE =
  'Fitted by npm run bench:benchmarks on the training 70 % (seed 1) of the VMs of the Azure VM Noise Dataset 2024, westus2: Microsoft, CC BY 4.0; ' +
  'Freischuetz, Kanellis, Kroth, Venkataraman, TUNA, EuroSys 2025.'

/** The model that ships with this version. */
export function readShippedModel(): BenchmarkModel {
  return parseBenchmarkModel(parseJson(readFileSync(MODEL_PATH, 'utf8'), MODEL_PATH))
}

/** One unit of each benchmark: what varies with trees, what does not with its median alone. */
export function modelOf({ frames, chosen }: Learned): BenchmarkModel {
  const { metrics } = frames[0].group
  return {
    schema: BENCHMARK_MODEL_SCHEMA,
    provenance: PROVENANCE,
    chosen: chosen.map((m) => metrics[m].name),
    kinds: frames.map((frame) => ({ kind: frame.group.sku, metrics: metricsOf(frame, chosen) })),
  }
}

function metricsOf(frame: Frame, chosen: readonly number[]): readonly MetricModel[] {
  const { metrics } = frame.group
  const varying = new Map(frame.targets.map((m) => [metrics[m].benchmark, m]))
  const benchmarks = [...new Set(metrics.map(({ benchmark }) => benchmark))]
  return benchmarks.map((benchmark) => {
    const target = varying.get(benchmark) ?? metrics.findIndex((metric) => metric.benchmark === benchmark)
    const isPredicted = varying.has(benchmark) && !chosen.includes(target)
    const fit = fitTarget(frame, target, isPredicted ? chosen : [])
    const medianBand = bandOf(
      Float64Array.from(
        presentRows(frame.centred[target], frame.split.train),
        (row) => frame.centred[target][row],
      ).sort(),
    )
    return {
      name: metrics[target].name,
      benchmark,
      median: Number((metrics[target].median * Math.exp(frame.medians[target])).toPrecision(7)),
      trees: fit.trees,
      band: fit.trees.length === 0 ? medianBand : bandOf(fit.heldOut),
      medianBand,
    }
  })
}

function bandOf(sorted: Float64Array): ResidualBand {
  const at = (share: number): number => Number(quantileOfSorted(sorted, share).toFixed(5))
  return { p05: at(0.05), p25: at(0.25), p75: at(0.75), p95: at(0.95) }
}

/** Writes model and sample; the sample has the form of the data, so that whatever reads those reads it. */
export function keepModel(learned: Learned): BenchmarkModel {
  mkdirSync(MODEL_FOLDER, { recursive: true })
  const model = modelOf(learned)
  writeFileSync(MODEL_PATH, `${JSON.stringify(model)}\n`)
  const groups = learned.frames.map((frame) => keepSample(frame))
  writeFileSync(join(MODEL_FOLDER, 'short_meta.json'), `${JSON.stringify({ epoch: '2023-05-28T00:00:00', groups })}\n`)
  return model
}

function keepSample({ group, split }: Frame): Readonly<Record<string, unknown>> {
  const rows = split.test.slice(0, SAMPLE_VMS).sort()
  const quanta = Uint16Array.from([...rows].flatMap((row) => group.logs.map((column) => quantumOf(column[row]))))
  writeFileSync(join(MODEL_FOLDER, `${group.name}.u16.gz`), gzipSync(Buffer.from(quanta.buffer), { level: 9 }))
  const starts = Uint32Array.from(rows, (row) => group.startMinutes[row])
  writeFileSync(
    join(MODEL_FOLDER, `${group.name}.start_min.u32.gz`),
    gzipSync(Buffer.from(starts.buffer), { level: 9 }),
  )
  return describeSample(group, rows.length)
}

function describeSample(group: VmGroup, vms: number): Readonly<Record<string, unknown>> {
  return {
    name: group.name,
    region: group.region,
    sku: group.sku,
    vms,
    metrics: group.metrics.map(({ original, median }) => ({ ...original, median })),
  }
}

function quantumOf(log: number): number {
  return Number.isNaN(log) ? 0 : Math.round((log / Math.LN2) * 4096) + 32768
}
