import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../../core/errors.ts'
import type { Stored } from '../../models/stored.ts'
import { encodeSegment } from '../protocol/paths.ts'
import { etagOf } from './conditions.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The path below which the server serves everything; empty at the root of a host. */
    basePath: string
  }
}

/** The path of a user's rows, with the user as in the path of the request: by id, or as `me`. */
export function collectionPath({ params, server }: FastifyRequest, resource: string): string {
  const { user_id } = params as { user_id: string } // set by the router
  return `${server.basePath}/api/${encodeSegment(user_id)}/${resource}`
}

/** @throws {AppError} `not_found` */
export function found(row: Stored | undefined): Stored {
  if (row === undefined) throw new AppError('not_found')
  return row
}

/** Sends a row as PostgreSQL wrote it, and its `ETag`. */
export function sendStored(reply: FastifyReply, row: Stored): FastifyReply {
  return reply.header('etag', etagOf(row)).type('application/json').send(row.json)
}

/** Sends a new row, with its path in `Location`. */
export function sendNew(reply: FastifyReply, resource: string, row: Stored): FastifyReply {
  const path = collectionPath(reply.request, resource)
  return sendStored(reply.code(201).header('location', `${path}/${row.id}`), row)
}
