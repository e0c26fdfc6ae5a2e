import { ChangesQuery } from '../../schemas/changes/changes.ts'
import { ownerResponses, UserParams } from '../../schemas/resource.ts'

const Events = {
  type: 'string',
  description:
    'Server-sent events, without an end. `change` has a change in `data`, and `caught-up` follows the last one there is. Each `id` is a token. To continue, send the latest in `Last-Event-ID`, which counts before `since`; `limit` has no effect',
  examples: [
    'retry: 4210\n\nid: AUWpxrgAAAAAAAACAcUzsA\nevent: change\ndata: {"type":"task","id":"019ab1c2-7d3e-7a41-9c55-0b6f2f1d8e90","deleted":true,"deleted_at":"2026-11-23T06:00:00.000Z"}\n\nid: AUWpxrgAAAAAAAACAcUzsA\nevent: caught-up\ndata: {}\n\n',
  ],
} as const

const LAST_EVENT_ID = {
  type: 'object',
  properties: {
    'last-event-id': {
      type: 'string',
      description:
        'The id of the latest event: the stream continues after it. Without a stream it has no effect',
    },
  },
} as const

/** The schema of the feed, for validation and for the OpenAPI document. */
export const operations = {
  list: {
    tags: ['changes'],
    operationId: 'listChanges',
    summary: 'List changes',
    description:
      'Returns what changed after the response whose token is in `since`; without it, all tasks. Repeat with the new token while `more` is true, and then whenever you want to know what is new. No change is skipped. With `Accept: text/event-stream` the response is a stream: all changes until now, and then each one when it happens.',
    params: UserParams,
    querystring: ChangesQuery,
    headers: LAST_EVENT_ID,
    ...ownerResponses(
      {
        200: {
          description: 'The changes in order, and the token for the next request',
          content: {
            'application/json': { schema: { $ref: 'Changes#' } },
            'text/event-stream': { schema: Events },
          },
        },
      },
      'sync_expired',
    ),
  },
}
