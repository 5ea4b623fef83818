/** What stands in a document, for tests that do what it says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from './repository.ts'

/** A fenced block of a document by the words behind its fence: `fencedBlock('docs/applications.md', 'sql postgresql')`. Throws where there is
 *  none, or more than one. */
export function fencedBlock(path: string, words: string): string {
  const text = readFileSync(join(REPOSITORY, path), 'utf8')
  const blocks = [...text.matchAll(/^```(.+)\n([^]*?)^```$/gm)].filter(([, info]) => info === words)
  if (blocks.length !== 1) throw new Error(`${path} has ${blocks.length} blocks of ${words}, and one was expected`)
  return blocks[0][2]
}
