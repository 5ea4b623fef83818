/** Backtests as they lie in the data folder: a folder each, by id. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ParseError, parseFields, parseJson, parseNumber, parseText, parseWord } from '../../../terms/parse.ts'
import { BACKTEST_STATES, type BacktestSummary } from '../views/backtests.ts'

const JOB_FILE = 'job.json'
const ID = /^[0-9a-f]{16}$/

export class BacktestFolder {
  private readonly path: string
  /** What was asked for last: writing and removing wait for each other, or what is deleted could be written once more. */
  private last: Promise<unknown> = Promise.resolve()

  /** @param path made where it is missing */
  constructor(path: string) {
    this.path = path
  }

  /** Where a backtest's results go. */
  of(id: string): string {
    return join(this.path, id)
  }

  /** Whole or not at all. */
  write(summary: BacktestSummary): Promise<void> {
    const folder = this.of(summary.id)
    const text = JSON.stringify(summary)
    return this.inTurn(async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const beside = join(folder, `${JOB_FILE}.new`)
      await writeFile(beside, text, { mode: 0o600 })
      await rename(beside, join(folder, JOB_FILE))
    })
  }

  /** Newest first. What can't be read is passed over: nothing rests on it. */
  async list(): Promise<readonly BacktestSummary[]> {
    const found: BacktestSummary[] = []
    for (const name of await readdir(this.path).catch(() => [])) {
      const text = ID.test(name) ? await this.read(name, JOB_FILE) : undefined
      const summary = text === undefined ? undefined : readSummary(text, name)
      if (summary !== undefined) found.push(summary)
    }
    return found.sort((a, b) => b.startedAt - a.startedAt)
  }

  /** A file's text; undefined where there is none. */
  async read(id: string, name: string): Promise<string | undefined> {
    return readFile(join(this.of(id), name), 'utf8').catch(() => undefined)
  }

  remove(id: string): Promise<void> {
    return this.inTurn(() => rm(this.of(id), { recursive: true, force: true }))
  }

  private inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.last.then(act)
    this.last = done.catch(() => undefined)
    return done
  }
}

/** Written by this program: its head alone is looked at. */
function readSummary(text: string, id: string): BacktestSummary | undefined {
  try {
    const fields = parseFields(parseJson(text, JOB_FILE), JOB_FILE)
    parseWord(fields['state'], `${JOB_FILE}.state`, BACKTEST_STATES)
    parseNumber(fields['startedAt'], `${JOB_FILE}.startedAt`)
    if (parseText(fields['id'], `${JOB_FILE}.id`) !== id) return undefined
    return fields as unknown as BacktestSummary
  } catch (error) {
    if (error instanceof ParseError) return undefined
    throw error
  }
}
