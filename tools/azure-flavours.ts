/** `node tools/azure-flavours.ts v1.train.txt.gz`: counts the arrivals of each VM flavour in the Azure V1 arrival trace
 *  (github.com/huaweicloud/trace_generation_rnn, resources/) and writes traces/azure-v1/flavours.json, from which VMs draw sizes. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { countArrivals, parseFlavourMap } from '../src/drivers/traces/azure-flavours.ts'
import { readTraceBytes } from '../src/drivers/traces/trace-bytes.ts'
import { REPOSITORY } from './repository.ts'

const folder = join(REPOSITORY, 'traces', 'azure-v1')
const path = process.argv[2]
if (path === undefined) {
  process.stderr.write('usage: node tools/azure-flavours.ts v1.train.txt.gz\n')
  process.exitCode = 2
} else {
  const counts = countArrivals(new TextDecoder().decode(readTraceBytes(path)))
  const letters = [...parseFlavourMap(readFileSync(join(folder, 'flav_map.txt'), 'utf8'), 'flav_map.txt').keys()].sort()
  const table = {
    comment: `VMs that arrived per flavour of flav_map.txt, counted by tools/azure-flavours.ts from ${basename(path)}.`,
    arrivals: Object.fromEntries(letters.map((letter) => [letter, counts.get(letter) ?? 0])),
  }
  writeFileSync(join(folder, 'flavours.json'), `${JSON.stringify(table, undefined, 2)}\n`)
}
