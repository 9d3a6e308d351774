#!/usr/bin/env node
// Tokenizes all texts PASSES times on one thread with the reference implementation and prints, a line a pass: tokens, wall seconds,
// processor seconds. The same output as tokenizer_throughput. Usage: measure.js NODE_MODULES TOKENIZER_FOLDER TEXTS.json PASSES
'use strict'
const fs = require('fs')
const path = require('path')
const [modules, folder, texts_file, passes] = process.argv.slice(2)
const { Tokenizer } = require(path.join(path.resolve(modules), 'tokenizers'))

;(async () => {
  const tokenizer = Tokenizer.fromString(fs.readFileSync(path.join(folder, 'tokenizer.json'), 'utf8'))
  tokenizer.disableTruncation()
  tokenizer.disablePadding()
  const texts = JSON.parse(fs.readFileSync(texts_file, 'utf8'))
  for (let pass = 0; pass < Number(passes); ++pass) {
    const wall = process.hrtime.bigint()
    const cpu = process.cpuUsage()
    // One call for all texts: no hand-over between threads for each.
    const encodings = await tokenizer.encodeBatch(texts)
    const used = process.cpuUsage(cpu)
    const seconds = Number(process.hrtime.bigint() - wall) / 1e9
    const tokens = encodings.reduce((sum, encoding) => sum + encoding.getLength(), 0)
    console.log(tokens, seconds.toFixed(6), ((used.user + used.system) / 1e6).toFixed(6))
  }
})()
