import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { REPOSITORY } from '../repository.ts'

const ANALYZE = '/usr/bin/systemd-analyze'
const skip = existsSync(ANALYZE) ? false : 'systemd-analyze is not installed'

test('the unit of the agent is exposed by at most 2.0 of 10', { skip }, () => {
  const unit = join(REPOSITORY, 'packaging', 'systemd', 'ethos-agent.service')
  const words = ['security', '--offline=true', '--threshold=20', '--no-pager', unit]
  const { status, stdout, stderr } = spawnSync(ANALYZE, words, { encoding: 'utf8' })
  assert.equal(status, 0, `${stdout.split('\n').at(-2)}\n${stderr}`)
  assert.match(stdout, /Overall exposure level for ethos-agent\.service: [01]\.\d|2\.0/)
})
