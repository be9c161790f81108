"""Writes the bundled backbone as a transformers checkpoint for the rival: the same weights, in 32 bits."""

import sys
from pathlib import Path

import sentencepiece
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from mfpt_edge.backbone.e5_weights import BundledWeights
from mfpt_edge.bundled.place import find_file
from mfpt_edge.formats.e5_file import E5File


def main(folder: Path) -> None:
    """Write config, weights and tokenizer."""
    file = E5File(find_file())
    config = file.config
    model = BertModel(
        BertConfig(
            vocab_size=config.vocab,
            hidden_size=config.hidden,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=config.ffn,
            max_position_embeddings=config.max_positions,
            type_vocab_size=config.type_vocab,
            layer_norm_eps=config.layer_norm_eps,
            pad_token_id=file.pad_id,
        ),
        add_pooling_layer=False,
    )
    weights = BundledWeights(file, quantised=False)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            table = name == "embeddings.word_embeddings.weight"
            found = next(weights.table(torch.device("cpu")).parameters()) if table else weights.vector(name)
            parameter.copy_(found.view(parameter.shape))
    model.save_pretrained(folder)
    _tokenizer(file).save_pretrained(folder)


def _tokenizer(file: E5File) -> PreTrainedTokenizerFast:
    pieces = sentencepiece.SentencePieceProcessor(model_proto=file.sentencepiece_model())
    known = [(pieces.id_to_piece(index), pieces.get_score(index)) for index in range(pieces.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(known, unk_id=pieces.unk_id()))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", pieces.bos_id()), ("</s>", pieces.eos_id())]
    )
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
