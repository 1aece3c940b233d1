// The same as cenote-bench-jobs with a job queue for node: says `ready`, begins with a line and ends with its input.
'use strict'

const readline = require('node:readline')
const Oxen = require('oxen-queue')

const CONCURRENCY = 256
const VECTOR = 1000
const VECTORS_IN_FLIGHT = 4

const jobs = Number(process.argv[2])
const uri = new URL(process.env.DATABASE_URI)
const queue = new Oxen({
    mysql_config: {
        host: uri.hostname,
        port: Number(uri.port),
        user: decodeURIComponent(uri.username),
        password: decodeURIComponent(uri.password),
        database: uri.pathname.slice(1),
        connectionLimit: 4,
    },
    job_type: 'empty',
    fastest_polling_rate: 1, // The fastest.
    slowest_polling_rate: 100,
})

const pause = ms => new Promise(done => setTimeout(done, ms))
const now = () => process.hrtime.bigint()

async function submit() {
    let next = 0
    const one = async () => {
        while (next < jobs) {
            const count = Math.min(VECTOR, jobs - next)
            next += count
            await queue.addJobs(Array.from({ length: count }, () => ({ body: { at: 0 } })))
        }
    }
    await Promise.all(Array.from({ length: VECTORS_IN_FLIGHT }, one))
}

async function awaitEmpty() {
    for (let some = true; some; ) {
        await pause(20)
        const [row] = await queue.dbQry(
            "SELECT EXISTS (SELECT 1 FROM oxen_queue WHERE status IN ('waiting', 'processing')) AS some",
        )
        some = row.some !== 0
    }
}

async function main() {
    await queue.createTable()
    console.log('ready')
    const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
    await lines.next()
    const begin = now()
    queue.process({ work_fn: async () => null, concurrency: CONCURRENCY })
    await submit()
    const submitted = now()
    await awaitEmpty()
    console.log(`times ${begin} ${submitted} ${now()}`)
    await lines.next()
    process.exit(0)
}

main().catch(error => {
    console.error(`bench: error: ${error.message}`)
    process.exit(1)
})
