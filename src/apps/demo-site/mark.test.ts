/** What a demo finds of itself in its folder. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { BEGINNING } from './beginning.ts'
import { demoCluster } from './cluster.ts'
import { type Mark, movedOf, placedAfter, readMark, writeMark } from './mark.ts'

const MARK: Mark = { ...BEGINNING, begunAt: 1_790_000_000_000, isTold: true, moved: { 'web-03': 'kvm-10' } }
const CLUSTER = demoCluster(BEGINNING.seed)

test('what was written is read again, and VMs are then where they were moved to', (t) => {
  const folder = aFolder(t)
  assert.equal(readMark(folder), undefined)
  writeMark(folder, MARK)
  assert.deepEqual(readMark(folder), MARK)
  const hostOf = placedAfter(CLUSTER, MARK.moved)
  const others = [...hostOf.keys()].filter((vm) => hostOf[vm] !== CLUSTER.placed[vm])
  assert.deepEqual(
    others.map((vm) => [CLUSTER.vms[vm].id, CLUSTER.hosts[hostOf[vm]].id]),
    [['web-03', 'kvm-10']],
  )
  assert.deepEqual(movedOf({ cluster: CLUSTER, hostOf }), MARK.moved)
})

test('a folder in which another site lives is refused, and one with a damaged file of the demo', (t) => {
  const folder = aFolder(t)
  writeFileSync(join(folder, 'ethos.sqlite'), '')
  assert.throws(() => readMark(folder), { name: 'UsageError', message: /is no demo/ })
  const damaged = [{ ...MARK, seed: -1 }, { ...MARK, moved: { 'web-03': 'kvm-13' } }, { ...MARK, isTold: undefined }, 7]
  for (const one of damaged) {
    writeFileSync(join(folder, 'demo.json'), JSON.stringify(one))
    assert.throws(() => readMark(folder), { name: 'UsageError', message: /damaged \(demo\.json/ }, JSON.stringify(one))
  }
})

function aFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-mark-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
