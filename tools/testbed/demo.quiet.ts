import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { EVENING, QUIET_UNTIL_MS } from '../../src/apps/demo/scenario.ts'
import { whyNoStage } from '../../src/apps/demo/stage.ts'
import { REPOSITORY } from '../repository.ts'

const PLAY_MS_MAX = 600_000

/** What `--json` tells, as far as it is looked at here. */
interface Told {
  readonly evenings: readonly {
    readonly policy: string
    readonly moves: readonly {
      readonly vm: string
      readonly from: string
      readonly to: string
      readonly state: string
      readonly orderedAt: number
    }[]
  }[]
  readonly lost: readonly string[]
  readonly runs: readonly {
    readonly policy: string
    readonly looks: readonly { readonly guests: Readonly<Record<string, { readonly host?: string }>> }[]
  }[]
}

test('an evening on real guests: ours moves before it rises, nobody moves nothing, the page is written and nothing stays', {
  skip: whyNoStage() ?? false,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'))
  // Short, for the names of libvirt's sockets.
  const stages = mkdtempSync('/tmp/dl-')
  context.after(() => [folder, stages].forEach((path) => rmSync(path, { recursive: true, force: true })))
  const [page, json] = [join(folder, 'page.html'), join(folder, 'told.json')]
  const words = ['demo', '--libvirt', '--policy', 'ethos,none', '--speed', '120', '--out', page, '--json', json]
  await promisify(execFile)(process.execPath, [join(REPOSITORY, 'src', 'apps', 'cli', 'main.ts'), ...words], {
    env: { ...process.env, TMPDIR: stages },
    timeout: PLAY_MS_MAX,
    killSignal: 'SIGINT',
  })
  const { evenings, runs, lost } = JSON.parse(readFileSync(json, 'utf8')) as Told
  for (const guest of lost) context.diagnostic(`spoilt by the emulator: ${guest}`)
  const [ours, none] = evenings
  assert.deepEqual([ours.policy, none.policy, none.moves], ['ethos', 'none', []])
  const early = ours.moves.filter(({ orderedAt }) => orderedAt < QUIET_UNTIL_MS)
  assert.ok(early.length > 0, JSON.stringify(ours.moves))
  for (const { vm, from, state } of early) assert.deepEqual([vm, from, state], [vm, EVENING.hosts[0], 'done'])
  const homes = Object.fromEntries(EVENING.guests.map(({ name, home }) => [name, EVENING.hosts[home]]))
  const ends = runs.map(({ looks }) =>
    Object.fromEntries(Object.entries(looks.at(-1)?.guests ?? {}).map(([vm, { host }]) => [vm, host])),
  )
  assert.deepEqual(ends[1], homes)
  for (const { vm } of early)
    assert.ok(ends[0][vm] !== undefined && ends[0][vm] !== homes[vm], `${vm} is on ${ends[0][vm]}`)
  assert.match(readFileSync(page, 'utf8'), /<svg/)
  assert.deepEqual(readdirSync(stages), [], 'nothing of the hosts stays')
})
