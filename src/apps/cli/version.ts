import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_FOLDER } from '../../drivers/traces/data-folder.ts'

/** Version of the program, as its package says. */
export function readVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as { version: string }
  return version
}
