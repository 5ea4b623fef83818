/** `npm start`: builds the page where it is stale, and runs the demo. What follows `--` is for `ethos serve --demo`. */
import { join } from 'node:path'
import { buildWebIfStale } from './build-web.ts'
import { REPOSITORY } from './repository.ts'

// Without `--` npm takes flags for its own, and leaves their values.
const [word] = process.argv.slice(2)
if (word === undefined || word.startsWith('-')) await start()
else {
  process.stderr.write(
    `npm start: ${JSON.stringify(word)} is no flag. Flags stand behind a --, as in: npm start -- --for 60\n`,
  )
  process.exitCode = 2
}

async function start(): Promise<void> {
  const built = buildWebIfStale(() =>
    process.stdout.write('Building the page. It takes some seconds, and only when it has changed.\n'),
  )
  if (built.kind === 'failed')
    process.stderr.write(
      `${built.output}\nThe page could not be built: the demo runs without it, or with the one that was built before.\n`,
    )
  process.argv.splice(2, 0, 'serve', '--demo')
  await import(join(REPOSITORY, 'src', 'apps', 'cli', 'main.ts'))
}
