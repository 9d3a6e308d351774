#!/usr/bin/env node
// Writes components.json: small tokenizers, one component or option each, and what the reference implementation gives for them.
// Usage: generate-components.js FOLDER > components.json, FOLDER being one where `npm ci` has installed bench/text/reference/package.json.
'use strict'
const path = require('path')
const { Tokenizer } = require(path.join(path.resolve(process.argv[2]), 'node_modules', 'tokenizers'))

const texts = [
  '', ' ', 'Hello world', '  two  spaces  ', "Pt's BP 120/80, HR 72.", 'caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m', '\u0130stanbul STRASSE stra\u00dfe \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2',
  '\ufb01ne \u00bd \u2460 \uff21\uff22 \u2126', '\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab', '\u4e2d\u6587 and \u65e5\u672c\u8a9e', 'tab\tnew\nline\r\nend', 'a\u0000b\u0007c\u200bd\ufeffe\ufffdf',
  'a\u00a0b\u2003c\u3000d\u0085e\u180ef', '\u{1f600}\u{1f468}\u200d\u{1f469} ok', "don't we'll I've they're it's I'm he'd 's 'x", 'x1\u00b2\u0663 3.14 1,000 \u2163', 'a-b--c---d', 'A. B! C? (D) [E] {F} "G" \u201cH\u201d $5 <i>',
  'e\u0323\u0301 \u1e69 s\u0323\u0307 s\u0307\u0323 q\u0307\u0323', '\u0344\u0345x \u0f71\u0f72', ' the The THE them', 'ab abab ababab xyz', '[X] a[X]b  [X]  c<s>d', 'word_with_underscore na\u00efve', '\u212b\u2079\u00aa\u017f\u01c5', 'hello', 'unaffable runs'
]

const chars = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?\'-'
const byteName = b => '<0x' + b.toString(16).toUpperCase().padStart(2, '0') + '>'
const bytesVocab = () => {
  const vocab = { '<unk>': 0 }
  for (let b = 0; b < 256; ++b) vocab[byteName(b)] = b + 1
  return vocab
}
// Every byte of the normalized text is a token, so that ids and offsets show text and alignment.
const bytesModel = () => ({ type: 'BPE', dropout: null, unk_token: '<unk>', fuse_unk: false, byte_fallback: true, vocab: bytesVocab(), merges: [] })
// Every piece is a token, so that offsets show the pieces.
const wordsModel = () => ({ type: 'WordLevel', vocab: { '<unk>': 0, hello: 1, Hello: 2, world: 3, '\u2581Hello': 4, the: 5 }, unk_token: '<unk>' })
const charVocab = (first, extra) => {
  const vocab = {}
  for (const text of [...first, ...chars, ...extra]) if (!(text in vocab)) vocab[text] = Object.keys(vocab).length
  return vocab
}

const cases = []
const add = (name, parts) => cases.push({ name, tokenizer: Object.assign({ version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }, parts) })
const sequence = (kind, list) => ({ type: 'Sequence', [kind]: list })

// Normalizers
const normalizer = (name, value) => add('normalizer ' + name, { normalizer: value, model: bytesModel() })
for (const type of ['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Nmt', 'ByteLevel']) normalizer(type, { type })
for (const [left, right] of [[true, true], [true, false], [false, true]]) normalizer(`Strip ${left} ${right}`, { type: 'Strip', strip_left: left, strip_right: right })
const replace = (pattern, content) => ({ type: 'Replace', pattern, content })
normalizer('Replace text', replace({ String: 'a' }, 'xyz'))
normalizer('Replace spaces', replace({ Regex: ' {2,}' }, ' '))
normalizer('Replace any space', replace({ Regex: '\\s+' }, '_'))
normalizer('Replace nothing', replace({ Regex: 'a*' }, '-'))
normalizer('Replace word', replace({ Regex: '(?i:the)\\b' }, ''))
normalizer('Prepend', { type: 'Prepend', prepend: '\u2581' })
for (const [clean, chinese, accents, lower] of [[true, true, null, true], [false, true, true, false], [true, false, false, false], [false, false, null, true]]) normalizer(`Bert ${clean} ${chinese} ${accents} ${lower}`, { type: 'BertNormalizer', clean_text: clean, handle_chinese_chars: chinese, strip_accents: accents, lowercase: lower })
normalizer('Sequence accents', sequence('normalizers', [{ type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }]))
normalizer('Sequence strip', sequence('normalizers', [{ type: 'NFC' }, { type: 'Strip', strip_left: true, strip_right: true }, replace({ String: ' ' }, '\u2581'), { type: 'Prepend', prepend: '\u2581' }]))

// Pre-tokenizers
const preTokenizer = (name, value, model) => add('pre-tokenizer ' + name, { pre_tokenizer: value, model: model || wordsModel() })
for (const type of ['Whitespace', 'WhitespaceSplit', 'BertPreTokenizer']) preTokenizer(type, { type })
const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']
for (const behavior of behaviors) {
  preTokenizer('Punctuation ' + behavior, { type: 'Punctuation', behavior })
  for (const invert of [false, true]) preTokenizer(`Split ${behavior} ${invert}`, { type: 'Split', pattern: { Regex: '-|\\d+| ' }, behavior, invert })
  preTokenizer('Split text ' + behavior, { type: 'Split', pattern: { String: 'ab' }, behavior, invert: false })
}
for (const individual_digits of [true, false]) preTokenizer('Digits ' + individual_digits, { type: 'Digits', individual_digits })
preTokenizer('CharDelimiterSplit', { type: 'CharDelimiterSplit', delimiter: '-' })
for (const [name, regex] of [
  ['gpt2', "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"],
  ['bloom', ' ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+'],
  ['cl100k', "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"],
  ['words', '\\w+|[^\\w\\s]+'], ['lines', '^.|.$'], ['hex', '\\h{2}'], ['empty', 'x*'], ['boundary', '\\b'], ['union', '[a-c[x-z]]+|[\\d\\s]']
]) preTokenizer('Split regex ' + name, { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false })
for (const prepend_scheme of ['always', 'first', 'never']) for (const split of [true, false]) preTokenizer(`Metaspace ${prepend_scheme} ${split}`, { type: 'Metaspace', replacement: '\u2581', prepend_scheme, split })
preTokenizer('Metaspace old', { type: 'Metaspace', replacement: '_', str_rep: '_', add_prefix_space: true })
for (const add_prefix_space of [true, false]) for (const use_regex of [true, false]) preTokenizer(`ByteLevel ${add_prefix_space} ${use_regex}`, { type: 'ByteLevel', add_prefix_space, trim_offsets: true, use_regex })
preTokenizer('ByteLevel text', { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }, bytesModel())
preTokenizer('Sequence', sequence('pretokenizers', [{ type: 'WhitespaceSplit' }, { type: 'Digits', individual_digits: true }, { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'first', split: true }]))
preTokenizer('Sequence punctuation', sequence('pretokenizers', [{ type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: false }, { type: 'Punctuation', behavior: 'MergedWithNext' }]))

// Models
const split = { type: 'WhitespaceSplit' }
const merges = ['h e', 'l l', 'he ll', 'hell o', 'a b', 'ab ab', 't h', 'th e', 'r u']
const merged = ['he', 'll', 'hell', 'hello', 'ab', 'abab', 'th', 'the', 'ru']
const bpe = (name, options, vocab, list) => add('model BPE ' + name, { pre_tokenizer: split, model: Object.assign({ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false }, options, { vocab, merges: list }) })
bpe('no unk', {}, charVocab([], merged), merges)
bpe('unk', { unk_token: '<unk>' }, charVocab(['<unk>'], merged), merges.map(pair => pair.split(' ')))
bpe('fused unk', { unk_token: '<unk>', fuse_unk: true }, charVocab(['<unk>'], merged), merges)
bpe('whole words', { unk_token: '<unk>', ignore_merges: true }, charVocab(['<unk>'], [...merged, 'world', 'ababab']), merges)
bpe('bytes', { unk_token: '<unk>', byte_fallback: true }, Object.assign(charVocab(['<unk>'], merged), Object.fromEntries([...Array(256).keys()].map(b => [byteName(b), 200 + b]))), merges)
bpe('some bytes', { unk_token: '<unk>', fuse_unk: true, byte_fallback: true }, Object.assign(charVocab(['<unk>'], merged), { '<0xC3>': 200, '<0xA9>': 201 }), merges)
bpe('suffix', { unk_token: '<unk>', end_of_word_suffix: '</w>' }, charVocab(['<unk>'], [...[...chars].map(c => c + '</w>'), 'he', 'll', 'hell', 'hello</w>', 'ab', 'ab</w>', 'abab</w>']), ['h e', 'l l', 'he ll', 'hell o</w>', 'a b', 'a b</w>', 'ab ab</w>'])
bpe('prefix', { unk_token: '<unk>', continuing_subword_prefix: '##' }, charVocab(['<unk>'], [...[...chars].map(c => '##' + c), 'he', '##ll', 'hell', 'hello', 'ab', '##ab']), ['h ##e', '##l ##l', 'he ##ll', 'hell ##o', 'a ##b', '##a ##b'])
add('model WordPiece', { normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'BertPreTokenizer' }, decoder: { type: 'WordPiece', prefix: '##', cleanup: true }, model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 8, vocab: charVocab(['[UNK]'], ['un', '##aff', '##able', '##s', 'run', 'hello', 'hell', '##o', 'the', '##m', 'ab', '##ab', 'don', '##ot', 'do', 'not']) } })
const unigram = (name, options, vocab) => add('model Unigram ' + name, { pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true }, decoder: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'always', split: true }, model: Object.assign({ type: 'Unigram', unk_id: 0 }, options, { vocab }) })
const pieces = [['<unk>', 0], ['\u2581', -2], ...[...chars].map((c, i) => [c, -4 - i / 100]), ['\u2581he', -3], ['llo', -3.5], ['\u2581hello', -7], ['ab', -2.5], ['abab', -5], ['the', -3], ['\u2581the', -3.25]]
unigram('plain', {}, pieces)
unigram('bytes', { byte_fallback: true }, [...pieces, ...[...Array(256).keys()].map(b => [byteName(b), -20])])
unigram('some bytes', { byte_fallback: true }, [...pieces, ['<0xC3>', -20], ['<0xA9>', -20]])

// Post-processors
const wordIds = () => ({ type: 'WordLevel', vocab: { '<unk>': 0, '<s>': 1, '</s>': 2, Hello: 3, '\u0120world': 4, '\u0120': 5, '\u0120\u0120': 6 }, unk_token: '<unk>' })
const byteLevel = prefix => ({ type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: true, use_regex: true })
const roberta = (trim, prefix) => ({ type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 1], trim_offsets: trim, add_prefix_space: prefix })
const template = (single, pair) => ({ type: 'TemplateProcessing', single, pair, special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] }, '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] } } })
const text = id => ({ Sequence: { id, type_id: 0 } })
const special = id => ({ SpecialToken: { id, type_id: 0 } })
const postProcessor = (name, value, prefix) => add('post-processor ' + name, { pre_tokenizer: byteLevel(prefix), post_processor: value, model: wordIds() })
for (const prefix of [true, false]) {
  for (const trim of [true, false]) {
    postProcessor(`Roberta ${trim} ${prefix}`, roberta(trim, prefix), prefix)
    postProcessor(`ByteLevel ${trim} ${prefix}`, { type: 'ByteLevel', add_prefix_space: prefix, trim_offsets: trim }, prefix)
  }
}
postProcessor('Bert', { type: 'BertProcessing', sep: ['</s>', 2], cls: ['<s>', 1] }, false)
postProcessor('Template', template([special('<s>'), text('A'), special('</s>')], [text('B'), special('</s>'), text('A')]), false)
postProcessor('Sequence', sequence('processors', [{ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true }, template([special('<s>'), text('A')], [text('A'), special('</s>'), text('B')])]), false)

// Decoders, over what the bytes model gives
const decoder = (name, value, model) => add('decoder ' + name, { pre_tokenizer: split, decoder: value, model })
const letters = () => ({ type: 'BPE', dropout: null, unk_token: '<unk>', fuse_unk: false, vocab: charVocab(['<unk>'], merged), merges })
decoder('none', null, letters())
decoder('WordPiece', { type: 'WordPiece', prefix: 'l', cleanup: true }, letters())
decoder('WordPiece plain', { type: 'WordPiece', prefix: '##', cleanup: false }, letters())
decoder('BPE', { type: 'BPEDecoder', suffix: 'o' }, letters())
decoder('ByteFallback', { type: 'ByteFallback' }, bytesModel())
decoder('ByteLevel', { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }, letters())
decoder('CTC', { type: 'CTC', pad_token: 'a', word_delimiter_token: '.', cleanup: true }, letters())
decoder('Replace', replace({ String: 'e' }, 'EE'), letters())
decoder('Metaspace', { type: 'Metaspace', replacement: 'l', prepend_scheme: 'never', split: true }, letters())
decoder('Sequence', sequence('decoders', [replace({ String: 'l' }, ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: 'h', start: 1, stop: 0 }]), letters())

// Added tokens
const added = (content, flags) => Object.assign({ content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: false }, flags)
const addedTokens = (name, list, normalizerValue) => add('added tokens ' + name, { added_tokens: list.map((token, i) => Object.assign({ id: 257 + i }, token)), normalizer: normalizerValue || null, pre_tokenizer: { type: 'Metaspace', replacement: '\u2581', prepend_scheme: 'first', split: true }, model: bytesModel() })
addedTokens('plain', [added('[X]'), added('<s>', { special: true }), added('ab')])
addedTokens('lstrip', [added('[X]', { lstrip: true }), added('world', { lstrip: true })])
addedTokens('rstrip', [added('[X]', { rstrip: true }), added('Hello', { rstrip: true })])
addedTokens('both', [added('[X]', { lstrip: true, rstrip: true })])
addedTokens('single word', [added('the', { single_word: true }), added('ab', { single_word: true })])
addedTokens('normalized', [added('THE', { normalized: true }), added('[X]', { normalized: true }), added('Hello', {})], { type: 'Lowercase' })
addedTokens('longest', [added('ab'), added('abab'), added('a')])

;(async () => {
  const out = { reference: 'tokenizers 0.23.2', bytes: bytesVocab(), texts, cases: [] }
  for (const { name, tokenizer } of cases) {
    const reference = Tokenizer.fromString(JSON.stringify(tokenizer))
    // Per text: ids and offsets, and the decoded text where a decoder is what the case is about.
    const results = []
    for (const text of texts) {
      const encoding = await reference.encode(text)
      const ids = encoding.getIds()
      const result = [ids, encoding.getOffsets().flat()]
      if (/^(decoder|model)/.test(name)) result.push(await reference.decode(ids, true).catch(() => null))
      results.push(result)
    }
    const pair = (await reference.encode(texts[4], texts[20])).getIds()
    // The vocabulary of all bytes is the same wherever it stands.
    if (JSON.stringify(tokenizer.model.vocab) === JSON.stringify(out.bytes)) tokenizer.model.vocab = 'bytes'
    out.cases.push({ name, tokenizer, results, pair })
  }
  process.stdout.write('{"reference":' + JSON.stringify(out.reference) + ',\n"bytes":' + JSON.stringify(out.bytes) + ',\n"texts":' + JSON.stringify(texts) + ',\n"cases":[\n' + out.cases.map(one => JSON.stringify(one)).join(',\n') + '\n]}\n')
})()
