import type { FastifyReply } from 'fastify'
import { AppError } from '../../core/errors.ts'
import type { Stored } from '../../models/stored.ts'
import { encodeSegment } from '../protocol/paths.ts'
import { etagOf } from './conditions.ts'

/** The path of a user's rows, as a client is to write it. */
export function collectionPath(userId: string, resource: string): string {
  return `/api/${encodeSegment(userId)}/${resource}`
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
  const path = collectionPath(reply.request.userId, resource)
  return sendStored(reply.code(201).header('location', `${path}/${row.id}`), row)
}
