import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LIMITS } from '../src/core/limits.ts'
import { NO_DATABASE, serve } from './support/app.ts'

interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Record<string, Schema>
  readonly additionalProperties?: boolean
  readonly items?: Schema
  readonly oneOf?: readonly Schema[]
}

/** How many objects and arrays lie in each other; an object that takes any member has no depth. */
function levels(schema: Schema): number {
  const types = [schema.type].flat()
  if (schema.oneOf !== undefined) return Math.max(...schema.oneOf.map(levels))
  if (types.includes('object')) {
    assert.equal(schema.additionalProperties, false)
    return 1 + Math.max(0, ...Object.values(schema.properties ?? {}).map(levels))
  }
  if (types.includes('array')) {
    assert.ok(schema.items)
    return 1 + levels(schema.items)
  }
  return 0
}

describe('the limits', () => {
  it('are those of the server that listens', async () => {
    const { app } = await serve(NO_DATABASE)
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout } = app.server
    assert.deepEqual(
      { headersTimeout, requestTimeout, keepAliveTimeout, timeout },
      { headersTimeout: 15_000, requestTimeout: 30_000, keepAliveTimeout: 75_000, timeout: 60_000 },
    )
    assert.equal(app.initialConfig.bodyLimit, 65_536)
    assert.equal(app.initialConfig.routerOptions?.maxParamLength, 3_060)
    await app.close()
  })

  it('no body of any route may be deeper than they say, and one is as deep', async () => {
    const found: number[] = []
    const deep: [levels: number, most: number][] = []
    const watch: Parameters<typeof serve>[2] = {
      watch: (app) => {
        app.addHook('onRoute', ({ schema, config: { bodyLevels } = {} }) => {
          if (schema?.body === undefined) return
          const needed = levels(schema.body as Schema) // ours
          if (bodyLevels === undefined) found.push(needed)
          else deep.push([needed, bodyLevels])
        })
      },
    }
    const { app } = await serve(NO_DATABASE, {}, watch)
    assert.ok(found.length > 10)
    assert.equal(Math.max(...found), LIMITS.bodyLevels)
    assert.equal(deep.length, 1)
    for (const [needed, most] of deep) assert.ok(needed <= most && most === LIMITS.batchLevels)
    await app.close()
  })
})
