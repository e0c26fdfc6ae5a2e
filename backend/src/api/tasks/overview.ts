import type { FastifyPluginAsyncJsonSchemaToTs } from '@fastify/type-provider-json-schema-to-ts'
import { countTags, summarizeTasks } from '../../models/tasks/overview.ts'
import { NoQuery, ownerResponses, UserParams } from '../../schemas/resource.ts'
import { SummaryQuery, TagCount, TaskSummary } from '../../schemas/tasks/overview.ts'

const config = { access: 'owner' } as const
const common = { tags: ['tasks'], params: UserParams }
const json = (description: string, schema: object) => ({
  description,
  content: { 'application/json': { schema } },
})

const operations = {
  tags: {
    ...common,
    operationId: 'listTags',
    summary: 'List tags',
    description:
      'Returns every tag of the tasks of the user once, whatever its letter case, by name.',
    querystring: NoQuery,
    ...ownerResponses({
      200: json('The tags', { type: 'array', items: { $ref: 'TagCount#' } }),
    }),
  },
  summary: {
    ...common,
    operationId: 'summarizeTasks',
    summary: 'Count tasks',
    description: 'Returns how many tasks are open, completed, overdue and due soon.',
    querystring: SummaryQuery,
    ...ownerResponses({ 200: json('The numbers', { $ref: 'TaskSummary#' }) }),
  },
}

/** Numbers of a user's tasks (contract §1), under `/api/:user_id/tasks`. */
export const overview: FastifyPluginAsyncJsonSchemaToTs = async (app) => {
  for (const schema of [TagCount, TaskSummary]) app.addSchema(schema)

  app.get('/tags', { schema: operations.tags, config }, async (request, reply) =>
    reply.type('application/json').send(await request.asUser(countTags())),
  )

  app.get('/summary', { schema: operations.summary, config }, async (request, reply) => {
    const { today, time_zone = 'UTC' } = request.query
    const summary = await request.asUser(summarizeTasks(today, time_zone))
    return reply.type('application/json').send(summary)
  })
}
