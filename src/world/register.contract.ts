import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

/** A test that a world cannot pass, and why. It is run all the same: once it passes, the exception has to go. */
export interface Cannot {
  readonly test: string
  readonly because: string
}

/** What a contract may leave out. */
export interface ContractOptions {
  readonly cannot?: readonly Cannot[]
}

/** Tests of one contract by their sentences; each gets a world of its own, which is disposed of afterwards. */
export type Sentences<Subject> = Readonly<Record<string, (subject: Subject) => Promise<void>>>

/** A thing under test, and how to put it away. */
export interface Disposable {
  readonly dispose?: () => Promise<void>
}

/** Registers the tests of one contract for one world. */
export function registerContract<Subject extends Disposable>(
  title: string,
  make: () => Promise<Subject>,
  sentences: Sentences<Subject>,
  { cannot = [] }: ContractOptions,
): void {
  describe(title, () => {
    for (const exception of cannot) {
      assert.ok(exception.test in sentences, `No test of this contract is called "${exception.test}".`)
    }
    for (const [sentence, check] of Object.entries(sentences)) {
      const because = cannot.find((exception) => exception.test === sentence)?.because
      test(because === undefined ? sentence : `cannot: ${sentence}, because ${because}`, async () => {
        const subject = await make()
        try {
          if (because === undefined) await check(subject)
          else await assert.rejects(() => check(subject), `It can after all: take "${sentence}" out of cannot.`)
        } finally {
          await subject.dispose?.()
        }
      })
    }
  })
}
