import assert from 'node:assert/strict'
import type { Row } from './database.ts'

/** Text that may be missing. */
export function textIn(row: Row, column: string): string | undefined {
  const value = row[column]
  assert.ok(value === null || typeof value === 'string', `${column} is text`)
  return value ?? undefined
}

/** A number that may be missing. */
export function numberIn(row: Row, column: string): number | undefined {
  const value = row[column]
  assert.ok(value === null || typeof value === 'number', `${column} is a number`)
  return value ?? undefined
}
