#!/usr/bin/env node
/** `ethos`: runs the sources in a clone, and what was built of them where it is installed, for Node strips no types there.
 *  Plain JavaScript that old versions read too, so that they can be told what they lack. */
import { existsSync } from 'node:fs'

const NODE_MIN = 24
const sources = new URL('../src/apps/cli/main.ts', import.meta.url)
const built = new URL('../dist/apps/cli/main.js', import.meta.url)
const program = [sources, built].find((url) => existsSync(url))

if (Number.parseInt(process.versions.node, 10) < NODE_MIN) {
  complain(`this is Node ${process.versions.node}. Ethos needs Node ${NODE_MIN} or later: https://nodejs.org has it.`)
} else if (program === undefined) {
  complain('there is neither src nor dist beside bin. Was the package built, with `npm run build`?')
} else {
  await import(program.href)
}

function complain(message) {
  process.stderr.write(`ethos: ${message}\n`)
  process.exitCode = 2
}
