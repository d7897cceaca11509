/* SPDX-License-Identifier: MIT */
#include "aliyun/answer_xml.h"

#include <expat.h>
#include <string.h>

#include "base/buf.h"

enum { DEPTH_MAX = 8, TEXT_MAX = 64 * 1024 };

/* open[i] is the object of the element at depth i, NULL while it has had no child. */
struct tree {
    XML_Parser parser;
    json_t *open[DEPTH_MAX + 1];
    size_t depth;
    bool refused;
    struct buf text;
};

static void refuse_tree(struct tree *t)
{
    t->refused = true;
    XML_StopParser(t->parser, XML_FALSE);
}

static void XMLCALL on_element_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct tree *t = arg;
    (void)name;
    (void)attributes;
    if (t->depth == DEPTH_MAX) {
        refuse_tree(t);
        return;
    }
    if (t->depth && !t->open[t->depth])
        t->open[t->depth] = json_object();
    t->open[++t->depth] = NULL;
    buf_reset(&t->text);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    buf_add(&((struct tree *)arg)->text, text, (size_t)len);
}

/* Adds a child; the second of a name makes an array. */
static void add_child(json_t *parent, const char *name, json_t *value)
{
    json_t *old = json_object_get(parent, name);
    if (!old) {
        json_object_set_new(parent, name, value);
    } else if (json_is_array(old)) {
        json_array_append_new(old, value);
    } else {
        json_t *both = json_array();
        json_array_append(both, old);
        json_array_append_new(both, value);
        json_object_set_new(parent, name, both);
    }
}

static void XMLCALL on_element_end(void *arg, const XML_Char *name)
{
    struct tree *t = arg;
    if (t->refused)
        return;
    json_t *value = t->open[t->depth];
    t->open[t->depth--] = NULL;
    if (!value)
        value = json_stringn(buf_text(&t->text), t->text.len);
    if (!value || !buf_ok(&t->text))
        refuse_tree(t);
    if (t->depth)
        add_child(t->open[t->depth], name, value);
    else
        t->open[0] = value;
    buf_reset(&t->text);
}

/* Without a DOCTYPE there are no entities to expand. */
static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int has_internal_subset)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal_subset;
    refuse_tree(arg);
}

json_t *answer_from_xml(const char *body, size_t len)
{
    struct tree t = {.parser = XML_ParserCreate(NULL)};
    if (!t.parser)
        return NULL;
    buf_init(&t.text, TEXT_MAX);
    XML_SetUserData(t.parser, &t);
    XML_SetElementHandler(t.parser, on_element_start, on_element_end);
    XML_SetCharacterDataHandler(t.parser, on_text);
    XML_SetStartDoctypeDeclHandler(t.parser, on_doctype);
    bool ok = XML_Parse(t.parser, body, (int)len, 1) == XML_STATUS_OK && !t.refused;
    XML_ParserFree(t.parser);
    buf_free(&t.text);
    json_t *root = t.open[0];
    for (size_t i = 1; i <= DEPTH_MAX; i++)
        json_decref(t.open[i]);
    if (ok && json_is_object(root))
        return root;
    json_decref(root);
    return NULL;
}
