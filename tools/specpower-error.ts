/** `node tools/specpower-error.ts --data DIR [--write]`: how far power estimates err on servers that they do not know, and the shapes of
 *  power curves by era. DIR holds both tables of SPECpower results. `--write` writes the table that we ship. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { REPOSITORY } from './repository.ts'
import { errorsOf, shapesOf, tableOf } from './specpower/measure.ts'
import { readCurves, readResults } from './specpower/results.ts'

const TABLE_FILE = join(REPOSITORY, 'src/drivers/host-power/specpower-table.ts')
const LINE_LENGTH_MAX = 118

const { values } = parseArgs({ options: { data: { type: 'string' }, write: { type: 'boolean', default: false } } })
const folder = values.data ?? process.env['ETHOS_DATA']
if (folder === undefined) throw new Error('Where are the tables of SPECpower results? Name their folder by --data DIR.')
const results = readResults(folder)

const percent = (share: number) => `${(share * 100).toFixed(1)} %`
process.stdout.write('| found by | results | idle: median | P90 | 100 %: median | P90 |\n|---|---|---|---|---|---|\n')
for (const { match, results: count, idle, full } of errorsOf(results))
  process.stdout.write(
    `| ${match} | ${count} | ${percent(idle.median)} | ${percent(idle.p90)} | ${percent(full.median)} | ${percent(full.p90)} |\n`,
  )
process.stdout.write(
  '\n| hardware since | curves | share of the way from idle to full watts at 10, ..., 90 % | mean error |\n|---|---|---|---|\n',
)
for (const { since, curves, shares, error } of shapesOf(readCurves(folder)))
  process.stdout.write(`| ${since} | ${curves} | ${shares.join(', ')} | ${percent(error)} |\n`)
if (values.write) writeFileSync(TABLE_FILE, tableText())

function tableText(): string {
  const items = tableOf(results).map(({ cpu, chips, coresPerChip, idleWattsPerChip, fullWattsPerChip, year }) =>
    [cpu, chips, coresPerChip, idleWattsPerChip, fullWattsPerChip, year].join('|'),
  )
  const lines: string[] = []
  for (const item of items) {
    const last = lines.at(-1)
    if (last === undefined || last.length + item.length + 1 > LINE_LENGTH_MAX) lines.push(item)
    else lines[lines.length - 1] = `${last};${item}`
  }
  return `/** Watts of servers by model of CPU and number of chips: medians over the results of SPECpower_ssj2008 that were published until March
 *  2026 (www.spec.org/power_ssj2008/results), as collected in cloud-carbon-footprint/ccf-coefficients, data/SPECpower-2026-03-09.csv
 *  (Apache-2.0). Written by \`node tools/specpower-error.ts --write\`. SPECpower_ssj is a trademark of SPEC. */
import type { PowerRow } from './estimate.ts'

/** CPU, chips, cores per chip, idle watts per chip, watts per chip at 100 %, median year of publication. */
const ROWS = \`
${lines.join('\n')}
\`

export const POWER_TABLE: readonly PowerRow[] = ROWS.trim()
  .split(/[\\n;]/)
  .map((row) => {
    const [cpu, ...numbers] = row.split('|')
    const [chips, coresPerChip, idleWattsPerChip, fullWattsPerChip, year] = numbers.map(Number)
    return { cpu, chips, coresPerChip, idleWattsPerChip, fullWattsPerChip, year }
  })
`
}
