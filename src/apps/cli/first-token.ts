/** The first API token, an admin's: shown once, where nothing keeps what is shown. */
import { fstatSync } from 'node:fs'
import { join } from 'node:path'
import { writeSecretOnce } from '../server/data-folder.ts'

const FILE = 'first-token'

/** Says it on standard output; where that is a journal, which is kept and which others read, into a file of the data folder instead. */
export function tellFirstToken(
  token: string,
  { folder, port, pin }: { readonly folder: string; readonly port: number; readonly pin: string },
): void {
  const login = `ethos login --server https://localhost:${port} --fingerprint ${pin}`
  const path = isJournal(1) ? writeDown(folder, token) : undefined
  process.stdout.write(
    path === undefined
      ? `The first API token, an admin’s. It is shown this once:\n\n  ${token}\n\nTo use it: ${login}\n`
      : `The first API token, an admin’s, is in ${path}: here a journal would keep it. To use it once, and delete it:\n\n` +
          `  ${login} --token-file ${path} && rm ${path}\n`,
  )
}

/** The file that it is in; undefined where it could not be written: then it is shown after all, for there is no other. */
function writeDown(folder: string, token: string): string | undefined {
  try {
    return writeSecretOnce(folder, FILE, `${token}\n`) ? join(folder, FILE) : undefined
  } catch {
    return undefined
  }
}

/** Whether systemd's journal hears what is written there: systemd.exec(5), $JOURNAL_STREAM. Where it hears errors as well, that names theirs. */
function isJournal(output: number): boolean {
  const told = process.env['JOURNAL_STREAM']
  if (told === undefined) return false
  const [own, errors] = [output, 2].map((file) => fstatSync(file))
  return `${own.dev}:${own.ino}` === told || (own.isSocket() && `${errors.dev}:${errors.ino}` === told)
}
