import { type Responses, responses } from './problem.ts'

const USER_ID = {
  type: 'string',
  description:
    'The user of the token: 1 to 255 characters, percent-encoded once. Or `me`, which stands for that user',
  examples: ['me'],
} as const

/** The parameters in the path of a collection. */
export const UserParams = {
  type: 'object',
  required: ['user_id'],
  properties: { user_id: USER_ID },
} as const

/** The parameters in the path of one row. */
export function rowParams<const Example extends string>(description: string, example: Example) {
  return {
    type: 'object',
    required: ['user_id', 'id'],
    properties: { user_id: USER_ID, id: { type: 'string', description, examples: [example] } },
  } as const
}

/**
 * The query parameters of a list in pages.
 *
 * @param rows the plural of a row, for the descriptions.
 * @param pattern of a cursor.
 */
export function pageQuery<const Pattern extends string>(rows: string, pattern: Pattern) {
  return {
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      description: `The number of ${rows} in a page. Without it, the response has all ${rows}`,
    },
    cursor: {
      type: 'string',
      pattern,
      'x-message': 'must be the cursor of a Link',
      description:
        'The start of the page: an opaque text, from Next-Cursor or Link of the previous page',
    },
  } as const
}

/** The headers of a list in pages. */
export const PAGE_HEADERS = {
  Link: {
    description: 'The address of the next page (rel="next"). Absent on the last page',
    type: 'string',
  },
  'Next-Cursor': {
    description: 'The value of `cursor` for the next page. Absent on the last page',
    type: 'string',
  },
} as const

export const NoQuery = { type: 'object', additionalProperties: false, properties: {} } as const

/** The problems of every operation on the rows of a user. */
const ALWAYS = [
  'unauthorized',
  'user_id_mismatch',
  'not_found',
  'validation_error',
  'too_many_requests',
  'service_unavailable',
] as const

/** Of an operation with a body, beside those of every operation. */
export const WITH_BODY = ['payload_too_large', 'unsupported_media_type'] as const

/** The responses of an operation on the rows of a user, by status, and its problems. */
export function ownerResponses(
  own: Parameters<typeof responses>[0],
  ...codes: Parameters<typeof responses>[1][]
): Responses {
  return responses(own, ...ALWAYS, ...codes)
}
