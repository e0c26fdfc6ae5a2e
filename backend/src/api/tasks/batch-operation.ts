import { ownerResponses, UserParams, WITH_BODY } from '../../schemas/resource.ts'
import { Batch, BatchQuery, BatchResults } from '../../schemas/tasks/batch.ts'
import { ONCE, REPLAYED } from './operations.ts'

/** The schema of a batch, for validation and for the OpenAPI document. */
export const batchOperation = {
  tags: ['tasks'],
  operationId: 'batchTasks',
  summary: 'Change several tasks',
  description:
    'Runs 1 to 100 operations in their order, all of them or none. If one cannot be done, the response is the one that it would get alone, and `errors[].path` names it, such as `/operations/3`.',
  params: UserParams,
  querystring: BatchQuery,
  headers: ONCE,
  body: Batch,
  ...ownerResponses(
    {
      200: {
        description: 'The result of each operation',
        headers: REPLAYED,
        content: {
          'application/json': {
            schema: { $ref: 'BatchResults#' },
            example: BatchResults.examples[0],
          },
        },
      },
    },
    'conflict',
    ...WITH_BODY,
    'precondition_failed',
  ),
}
