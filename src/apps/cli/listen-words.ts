import { UsageError } from '../usage-error.ts'

/** Reads `--listen HOST:PORT`. Throws a `UsageError`. */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  const host = bracketed ?? plain
  if (host !== undefined && port <= 65_535) return { host, port }
  throw new UsageError('--listen', text, 'Expected HOST:PORT, such as 0.0.0.0:8470 or [::]:8470.')
}
