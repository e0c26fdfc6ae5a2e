import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  clientAddress,
  clientNetwork,
  plainAddress,
  trustedProxies,
} from '../../src/http/protocol/client-network.ts'
import { auth, BEHIND_PROXY, holdWindows, PASSWORD } from '../support/accounts.ts'
import { NO_DATABASE, serve, startApp, type TestApp } from '../support/app.ts'

describe('an address', () => {
  for (const [spelled, address] of [
    ['1.2.3.4', '1.2.3.4'],
    ['1.2.3.4:5678', '1.2.3.4'],
    [' 1.2.3.4:5678 ', '1.2.3.4'],
    ['"1.2.3.4:5678"', '1.2.3.4'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['"[2001:db8::1]:443"', '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:102:304', '1.2.3.4'],
    ['[::ffff:1.2.3.4]:80', '1.2.3.4'],
    ['unknown', undefined],
    ['_hidden', undefined],
    ['', undefined],
    ['""', undefined],
    ['1.2.3', undefined],
    ['1.2.3.4:port', undefined],
    ['1.2.3.4:567890', undefined],
    ['[1.2.3.4]', undefined],
    ['1.2.3.256', undefined],
    ['01.2.3.4', undefined],
    ['[2001:db8::1', undefined],
    ['2001:db8::1]:443', undefined],
    ['client.example.com', undefined],
    ['x'.repeat(10_000), undefined],
  ] as const) {
    it(`${spelled.slice(0, 30)} is ${address ?? 'none'}`, () =>
      assert.equal(plainAddress(spelled), address))
  }

  it('of the client is the furthest that is one, or that of the connection', () => {
    for (const [hops, address] of [
      [['127.0.0.1'], '127.0.0.1'],
      [['::ffff:127.0.0.1', '10.0.0.1', '1.2.3.4:5'], '1.2.3.4'],
      [['127.0.0.1', '10.0.0.1', 'unknown'], '10.0.0.1'],
      [['127.0.0.1', '_a', 'unknown'], '127.0.0.1'],
    ] as const) {
      assert.equal(clientAddress({ ip: '', ips: [...hops] }), address)
    }
    assert.equal(clientAddress({ ip: '::ffff:1.2.3.4' }), '1.2.3.4')
    assert.equal(clientNetwork('2001:db8:1:2:3::4'), clientNetwork('2001:db8:1:2::'))
  })

  it('of a proxy is trusted however it is spelled, and no other', () => {
    const trusts = trustedProxies(['10.0.0.0/8', '192.0.2.7', 'loopback', '2001:db8::/32'])
    for (const address of [
      '10.1.2.3',
      '10.1.2.3:443',
      '::ffff:10.1.2.3',
      '192.0.2.7',
      '127.0.0.9',
    ]) {
      assert.ok(trusts(address), address)
    }
    for (const address of ['::1', '[2001:db8::1]:443']) assert.ok(trusts(address), address)
    for (const address of [
      '11.0.0.1',
      '192.0.2.8',
      '2001:db9::1',
      'unknown',
      '',
      '::ffff:11.0.0.1',
    ]) {
      assert.ok(!trusts(address), address)
    }
    for (const mapped of ['::ffff:10.0.0.0/104', '::ffff:10.0.0.1']) {
      assert.ok(trustedProxies([mapped])('10.0.0.1'), mapped)
      assert.ok(!trustedProxies([mapped])('11.0.0.1'), mapped)
    }
    for (const name of ['linklocal', 'uniquelocal']) assert.ok(!trustedProxies([name])('8.8.8.8'))
    assert.ok(trustedProxies(['uniquelocal'])('172.31.0.1:80'))
    assert.ok(trustedProxies(['linklocal'])('fe80::1%eth0'))
  })
})

describe('sign-ins through a proxy', () => {
  let test: TestApp
  before(async () => {
    test = await startApp('postgres', { ...BEHIND_PROXY, TRUST_PROXY: 'loopback, 10.0.0.0/8' })
    await holdWindows(test)
  })
  after(() => test.close())

  const statuses = async (forwarded: readonly string[]) => {
    const answers: number[] = []
    for (const from of forwarded) {
      const body = { email: 'nobody@example.com', password: PASSWORD }
      answers.push((await auth(test, 'POST', '/sign-in/email', { from, body })).status)
    }
    await test.admin(`delete from todo_auth.rate_limit where key not like '%|%'`)
    return answers
  }

  for (const [what, forwarded] of [
    ['with a port', ['1.2.3.4:1', '1.2.3.4:2', '1.2.3.4', '"1.2.3.4:3"']],
    ['in brackets', ['[2001:db8::1]:1', '2001:db8::2', '[2001:DB8::3]', '2001:db8:0:0:9::1']],
    ['within IPv6', ['::ffff:5.6.7.8', '5.6.7.8', '[::ffff:506:708]:9', '5.6.7.8:1']],
    [
      'behind a second proxy with a port',
      [
        '9.9.9.9:1, 10.0.0.1:443',
        '9.9.9.9, 10.0.0.2',
        'x, 9.9.9.9, 10.0.0.1',
        '9.9.9.9:7,10.0.0.1',
      ],
    ],
  ] as const) {
    it(`429 for the fourth of an address ${what}, whatever its spelling`, async () => {
      assert.deepEqual(await statuses(forwarded), [401, 401, 401, 429])
    })
  }

  it('of clients with ports each has a limit of its own', async () => {
    const forwarded = Array.from({ length: 6 }, (_, client) => `203.0.113.${client}:4711`)
    assert.deepEqual(await statuses(forwarded), Array(6).fill(401))
  })

  it('what is no address counts for the proxy it came from', async () => {
    const forwarded = ['unknown', '_hidden', 'garbage:1', ', ,']
    assert.deepEqual(await statuses(forwarded), [401, 401, 401, 429])
    assert.deepEqual(await statuses(['unknown, 10.0.0.77']), [401])
  })
})

describe('a proxy that TRUST_PROXY does not contain', () => {
  for (const [trusted, advised] of [
    ['', '127.0.0.1'],
    ['10.0.0.0/8', '10.0.0.0/8,127.0.0.1'],
  ] as const) {
    it(`is named once in the log, with the setting: ${advised}`, async () => {
      const test = await serve(NO_DATABASE, { TRUST_PROXY: trusted })
      try {
        await test.send('GET', '/livez', { as: null })
        for (const from of ['1.2.3.4', '5.6.7.8']) {
          await test.send('GET', '/livez', { as: null, headers: { 'x-forwarded-for': from } })
        }
        const warnings = test.log
          .map((line) => JSON.parse(line))
          .filter(({ level }) => level === 40)
        assert.equal(warnings.length, 1)
        assert.ok(warnings[0].msg.includes(`set TRUST_PROXY=${advised}:`), warnings[0].msg)
      } finally {
        await test.app.close()
      }
    })
  }

  it('is not named if it is trusted', async () => {
    const test = await serve(NO_DATABASE, BEHIND_PROXY)
    try {
      await test.send('GET', '/livez', { as: null, headers: { 'x-forwarded-for': '1.2.3.4' } })
      assert.ok(!test.log.join('').includes('TRUST_PROXY'))
    } finally {
      await test.app.close()
    }
  })
})
