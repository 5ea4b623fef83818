/** Disks that fail, for tests: a small file system of its own, and a kernel that refuses calls, where this machine lets us have them. */
import assert from 'node:assert/strict'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'

/** False where strace works, which makes calls fail; else why tests that need it are skipped. */
export const noStrace =
  run('strace', '-qq', '-o', '/dev/null', 'true').status === 0 ? false : 'strace does not work here'

/** Runs a program to its end. */
export function run(program: string, ...words: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(program, words, { encoding: 'utf8' })
}

/** A file system in memory that is soon full. */
export class SmallDisk {
  readonly path: string
  /** False where it is mounted; else why tests that need it are skipped. */
  readonly noDisk: false | string

  /** @param path of a folder that is made; @param size as mount takes it, such as `4m` */
  constructor(path: string, size: string) {
    mkdirSync(path)
    this.path = path
    const { status } = run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path)
    this.noDisk = status === 0 ? false : 'a file system can not be mounted here'
  }

  /** May it be written to from now on? */
  remount(mode: 'ro' | 'rw'): void {
    assert.equal(run('mount', '-o', `remount,${mode}`, this.path).status, 0)
  }

  unmount(): void {
    if (this.noDisk === false) run('umount', this.path)
  }
}

/** Writes a file until its disk is full to the last byte. */
export function fillDisk(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (;;) writeSync(file, Buffer.alloc(1024))
  } catch (error) {
    assert.match(String(error), /ENOSPC/)
  } finally {
    closeSync(file)
  }
}
