import { ChangesQuery } from '../../schemas/changes/changes.ts'
import { ownerResponses, UserParams } from '../../schemas/resource.ts'

/** The schema of the feed, for validation and for the OpenAPI document. */
export const operations = {
  list: {
    tags: ['changes'],
    operationId: 'listChanges',
    summary: 'List changes',
    description:
      'Returns what changed after the response whose token is in `since`; without it, all tasks. Repeat with the new token while `more` is true, and then whenever you want to know what is new. No change is skipped.',
    params: UserParams,
    querystring: ChangesQuery,
    ...ownerResponses(
      {
        200: {
          description: 'The changes in order, and the token for the next request',
          content: { 'application/json': { schema: { $ref: 'Changes#' } } },
        },
      },
      'sync_expired',
    ),
  },
}
