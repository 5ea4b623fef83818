/** The API's description, made from its routes, and a page to read and try it. Both hold no secret and are open to everybody. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** The one style that Swagger UI writes into an element as text; those that it sets by script need no leave. The test in a browser tells of another. */
const ITS_STYLE = 'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='

/** Nothing from anywhere else, and no script within the page. */
const DOCS_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' 'unsafe-hashes' '${ITS_STYLE}'`,
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const DESCRIPTION = `Hosts known by measurement, VMs by character, one place to ask.

Send \`Authorization: Bearer ethos_...\`: "Authorize" above takes a token, and keeps it until the page is closed. Refusals look alike:
\`{"error": {"code", "message", "remedy"}}\`. Instants are milliseconds since 1970, shares lie between 0 and 1, and what nobody measured is left out.
Answers that rest on judgement say \`asOf\` and \`degraded\`.`

/** To be called, and awaited, before routes are added. */
export async function addDescription(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Ethos',
        version,
        description: DESCRIPTION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'an API token: ethos_...' } },
      },
      security: [{ token: [] }],
      tags: [
        { name: 'VMs', description: 'which there are, how they are, where they would run best' },
        { name: 'hosts', description: 'what is known of each, and what it bears' },
        { name: 'judgement', description: 'forecasts, contention, plans, places for VMs to come' },
        { name: 'journal', description: 'the past' },
        { name: 'ledger', description: 'promised against realised, and what was not done' },
        { name: 'backtests', description: 'what would have come of other policies' },
        { name: 'policy', description: 'what operators want' },
        { name: 'access', description: 'tokens, identities, audit' },
        { name: 'store', description: 'what is kept' },
        { name: 'status', description: 'how the server is' },
      ],
    },
  })
}

export async function addDocsPage(app: FastifyInstance): Promise<void> {
  let text: string | undefined
  app.get('/openapi.json', { config: { access: 'open' }, schema: { hide: true } }, (_request, reply) => {
    text ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(text)
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    indexPrefix: '',
    theme: {
      title: 'Ethos: the API',
      // Its bar is for those who have descriptions elsewhere.
      css: [{ filename: 'ethos.css', content: '.swagger-ui .topbar { display: none }' }],
    },
    uiConfig: {
      // The badge of a validator elsewhere.
      validatorUrl: null,
      docExpansion: 'list',
      displayRequestDuration: true,
      persistAuthorization: false,
      tryItOutEnabled: true,
      defaultModelsExpandDepth: -1,
    },
  })
}
