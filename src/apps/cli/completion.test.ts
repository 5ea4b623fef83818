import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Command } from 'commander'
import { completionNodes, completionScript, SHELLS } from './completion.ts'

function aProgram(): Command {
  const program = new Command('ethos')
  const token = program.command('token').description('tokens')
  token.command('create').description('makes one, it’s the only copy').requiredOption('--data <folder>', 'the folder')
  token.command('list').description('which there are').option('--json', 'for programs')
  program.command('rank').description('hosts for a VM').argument('<vm>', 'the VM').option('--top <n>', 'how many')
  return program
}

/** What bash offers after these words. */
function offered(words: readonly string[], names = ['web-1', 'web-2', 'db-1']): readonly string[] {
  const listed = names.map((name) => `'${name}'`).join(' ')
  const script = `
    ethos() { [ "$1 $2" = "vms --names" ] && printf '%s\\n' ${listed}; }
    ${completionScript('bash', completionNodes(aProgram()))}
    COMP_WORDS=(ethos ${words.map((word) => `'${word}'`).join(' ')})
    COMP_CWORD=${words.length}
    _ethos
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
  assert.equal(stderr, '')
  return stdout.split('\n').filter((line) => line !== '')
}

test('bash completes commands, then the commands and options below them', () => {
  assert.deepEqual(offered(['to']), ['token'])
  assert.deepEqual(offered(['token', '']), ['create', 'list', '--help'])
  assert.deepEqual(offered(['token', 'create', '--d']), ['--data'])
})

test('a value of an option is taken for no command', () => {
  assert.deepEqual(offered(['token', '--data', '/tmp/x', 'l']), ['list'])
})

test('names of VMs are offered where one is expected', () => {
  assert.deepEqual(offered(['rank', 'web']), ['web-1', 'web-2'])
  assert.deepEqual(offered(['rank', 'web-1', '--']), ['--top', '--help'])
})

test('a name that is a command is neither run nor offered', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ethos-completion-'))
  const file = join(folder, 'ran')
  const names = [`$(>${file})`, `\`>${file}\``, `web;>${file}`, 'web-3']
  assert.deepEqual(offered(['rank', 'web'], names), ['web-3'])
  assert.deepEqual(offered(['rank', '$'], names), [])
  assert.ok(!existsSync(file))
  rmSync(folder, { recursive: true })
})

test('every shell gets a script that names every command', () => {
  for (const shell of SHELLS) {
    const script = completionScript(shell, completionNodes(aProgram()))
    for (const word of ['token', 'create', 'rank', 'json', 'top'])
      assert.match(script, new RegExp(`\\b${word}\\b`), shell)
  }
})
