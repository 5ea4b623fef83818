/** Which models an answer's numbers come from: they will be better ones one day, and the form of the answer stays. */
import { type Static, Type } from 'typebox'

export const ModelsView = Type.Object(
  {
    forecast: Type.String({ description: 'demand ahead, its band, and when contention comes' }),
    suitability: Type.String({ description: 'scores of hosts, gain and confidence' }),
    cost: Type.String({ description: 'what a migration takes' }),
  },
  { description: 'the models that numbers come from, by name' },
)
export type ModelsView = Static<typeof ModelsView>
