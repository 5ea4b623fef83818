/** `node tools/agent/closer-looks.ts [SECONDS]`: what agents cost that look closer, side by side, by the scheduler's count of their CPU time. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildSync } from 'esbuild'
import { REPOSITORY } from '../repository.ts'
import { countProcesses, useOf } from './process-use.ts'

const SETTINGS = { default: '', 'cheap-every = 1s': 'cheap-every = 1s', 'sample-every = 1s': 'sample-every = 1s' }
const WARM_UP_MS = 30_000

const seconds = Number(process.argv[2] ?? '240')
const folder = mkdtempSync(join(tmpdir(), 'ethos-closer-'))
const bundle = join(folder, 'agent.mjs')
const entry = join(REPOSITORY, 'src', 'apps', 'agent', 'entry.ts')
buildSync({ entryPoints: [entry], outfile: bundle, bundle: true, minify: true, format: 'esm', platform: 'node' })
const agents = Object.entries(SETTINGS).map(([name, line], i) => {
  const config = join(folder, `${i}.conf`)
  writeFileSync(config, `vm = vm-${i}\nstate = ${folder}/${i}\n${line}\n`)
  return {
    name,
    child: spawn(process.execPath, [bundle, '--config', config], { stdio: ['ignore', 'ignore', 'inherit'] }),
  }
})
try {
  await sleep(WARM_UP_MS)
  const before = agents.map(({ child }) => useOf(child.pid ?? 0).cpuMs)
  await sleep(seconds * 1000)
  process.stdout.write(`${countProcesses()} processes, ${seconds} s, Node ${process.versions.node}\n`)
  for (const [i, { name, child }] of agents.entries()) {
    const share = (useOf(child.pid ?? 0).cpuMs - before[i]) / (seconds * 1000)
    process.stdout.write(`${name.padEnd(20)}${(share * 100).toFixed(3)} % of a core\n`)
  }
} finally {
  for (const { child } of agents) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
