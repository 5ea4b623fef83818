/** `npm start`: builds the page where it is stale, and runs the demo. What follows `--` is for `ethos serve --demo`. */
import { join } from 'node:path'
import { buildWebIfStale } from './build-web.ts'
import { REPOSITORY } from './repository.ts'

await buildWebIfStale()
process.argv.splice(2, 0, 'serve', '--demo')
await import(join(REPOSITORY, 'src', 'apps', 'cli', 'main.ts'))
