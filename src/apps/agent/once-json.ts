/** `ethos agent --once --print json`: the same for a program. */
import { witnessOf } from '../../engine/profile/distance.ts'
import { isPresent, PERSONALITY_SCHEMA, PERSONALITY_SCHEMA_VERSION } from '../../terms/personality.ts'
import { type OnceView, reasonOf } from './once-absent.ts'

/** One object, absent dimensions left out and told apart, with the reason here. */
export function onceAsJson(view: OnceView): string {
  const { vector } = view
  const dimensions = Object.fromEntries(
    PERSONALITY_SCHEMA.flatMap(({ name, unit, source }, i) =>
      isPresent(vector, i)
        ? [
            [
              name,
              { value: vector.values[i], unit, source: source === 'derived' ? 'derived' : witnessOf(vector, name) },
            ],
          ]
        : [],
    ),
  )
  const absent = Object.fromEntries(
    PERSONALITY_SCHEMA.flatMap(({ name }, i) => (isPresent(vector, i) ? [] : [[name, reasonOf(name, view)]])),
  )
  return `${JSON.stringify(
    {
      vm: vector.vmId,
      schema: PERSONALITY_SCHEMA_VERSION,
      phases: vector.phases,
      ...(view.phaseName === undefined ? {} : { phase: view.phaseName }),
      windowEnd: new Date(vector.windowEnd).toISOString(),
      windowMs: vector.windowMs,
      coverage: vector.coverage,
      looks: view.looks,
      dimensions,
      absent,
      details: Object.fromEntries(view.details.map(({ sampler, details }) => [sampler, details])),
      findings: view.findings,
    },
    undefined,
    2,
  )}\n`
}
