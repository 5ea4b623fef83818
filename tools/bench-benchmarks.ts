/** `npm run bench:benchmarks -- --data DIR`: chooses the fewest benchmarks that tell the others, on the Azure VM noise data in DIR (or ETHOS_DATA, or
 *  `azure_vm_noise` in either), prints the table, and keeps docs/results/benchmarks-chosen.json, docs/benchmarks-chosen.md and the model in
 *  traces/azure-vm-noise. `--page` only draws the page anew from the kept result. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readGroup } from './benchmarks/dataset.ts'
import { dataFolder } from './benchmarks/data-folder.ts'
import { keepModel, readShippedModel } from './benchmarks/model-file.ts'
import { type KeptStudy, pageOf } from './benchmarks/page.ts'
import { runStudy } from './benchmarks/study.ts'
import { commitName, REPOSITORY, runProgram } from './repository.ts'

const RESULT = join(REPOSITORY, 'docs', 'results', 'benchmarks-chosen.json')
const { values: options } = parseArgs({
  options: { data: { type: 'string' }, page: { type: 'boolean', default: false } },
})

if (options.page) keepPage(JSON.parse(readFileSync(RESULT, 'utf8')) as KeptStudy)
else {
  const folder = dataFolder(options.data)
  if (folder === undefined) {
    process.stderr.write(
      'No short_meta.json found. Give the folder of the Azure VM noise data: --data DIR or ETHOS_DATA.\n',
    )
    process.exitCode = 1
  } else studyAndKeep(folder)
}

function studyAndKeep(folder: string): void {
  const before = process.cpuUsage()
  const say = (what: string): void => {
    process.stderr.write(`${(process.cpuUsage(before).user / 1e6).toFixed(0).padStart(4)} s  ${what}\n`)
  }
  const groups = ['westus2_D8s_v5', 'westus2_B8ms'].map((name) => readGroup(folder, name))
  const { study, learned } = runStudy({ folder, groups, say })
  const model = keepModel(learned)
  const kept: KeptStudy = {
    commit: commitName(),
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.versions.node,
    cpuSeconds: Math.round(process.cpuUsage(before).user / 1e6),
    treesShipped: model.kinds.reduce(
      (sum, { metrics }) => sum + metrics.reduce((all, { trees }) => all + trees.length, 0),
      0,
    ),
    ...study,
  }
  writeFileSync(RESULT, `${JSON.stringify(kept, (_, value) => rounded(value), 2)}\n`)
  runProgram('biome', ['format', '--write', RESULT])
  keepPage(JSON.parse(readFileSync(RESULT, 'utf8')) as KeptStudy)
}

function keepPage(kept: KeptStudy): void {
  const page = pageOf(kept, readShippedModel())
  writeFileSync(join(REPOSITORY, 'docs', 'benchmarks-chosen.md'), page)
  process.stdout.write(page)
}

/** Five digits are more than a median of two thousand VMs is good for. */
function rounded(value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
}
